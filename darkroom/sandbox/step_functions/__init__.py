"""Step Functions: state machines interpreted by moto's own interpreter, against the sandbox's services.

What is added to it: the SageMaker integration with .sync, answers of the AWS SDK integration as Step
Functions hands them on, waits and retries by the sandbox's clock, and the CloudFormation type.
"""

from __future__ import annotations

import os

from moto.core.config import default_user_config
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from darkroom.sandbox.context import Context
from darkroom.sandbox.step_functions import cloudformation as cloudformation  # registers its type
from darkroom.sandbox.step_functions import integrations, waits


def install(context: Context) -> None:
    """Play Step Functions in ``context``; call before the first request."""
    default_user_config["stepfunctions"]["execute_state_machine"] = True
    # Where the interpreter's tasks call AWS.
    os.environ["MOTO_PORT"] = str(context.settings.port)
    stepfunctions_parser_backends.clear()
    integrations.install()
    waits.install(context)


def backends() -> list[StepFunctionsParserBackend]:
    """The state machines of every account and region."""
    return [backend for _, _, backend in list(stepfunctions_parser_backends.iter_backends())]
