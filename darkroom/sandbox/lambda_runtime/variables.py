"""The environment variables of a function's process.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import os
from pathlib import Path

from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from darkroom.sandbox import xray
from darkroom.sandbox.lambda_runtime import packages
from darkroom.sandbox.lambda_runtime.configuration import FunctionConfiguration

_SESSION_SECONDS = 43200


def variables(
    function: FunctionConfiguration, task_root: Path, layers: list[Path], runtime: Path
) -> dict[str, str]:
    """The function's own variables and Lambda's; what Lambda reserves can't be set by the function."""
    return {
        **dict(function.environment),
        **_credentials(function),
        **_logging(function),
        **_tracing(function),
        "PATH": os.environ.get("PATH", ""),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": packages.python_path(task_root, layers, runtime),
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(task_root),
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
    }


def _logging(function: FunctionConfiguration) -> dict[str, str]:
    if function.log_format != "JSON":
        return {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": function.log_level}


def _tracing(function: FunctionConfiguration) -> dict[str, str]:
    address = xray.daemon_address(function.account_id, function.region)
    return {} if address is None else {"AWS_XRAY_DAEMON_ADDRESS": address}


def _credentials(function: FunctionConfiguration) -> dict[str, str]:
    """Temporary credentials of the function's role, as Lambda gives them."""
    session = sts_backends[function.account_id][get_partition(function.region)].assume_role(
        region_name=function.region,
        role_session_name=function.name,
        role_arn=function.role,
        policy="",
        duration=_SESSION_SECONDS,
        external_id="",
    )
    return {
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
    }
