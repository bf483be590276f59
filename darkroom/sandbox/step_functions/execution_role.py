"""What a state machine does in its role: its calls, and what Step Functions sets up when it is made.

Step Functions developer guide: "Logging in CloudWatch Logs" and "Tracing in AWS X-Ray" (the actions, which
take no resource), "IAM policies for integrated services" (EventBridge's rule by which it hears of a job's
end, and what the SageMaker integration calls beside the job's own operations).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from moto.settings import moto_server_port
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from darkroom.sandbox import iam
from darkroom.sandbox.iam import Need

_LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
_TRACING = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
_RULE = ("events:DescribeRule", "events:PutRule", "events:PutTargets")
_SESSION_SECONDS = 3600


def needs_of_machine(properties: Mapping[str, Any], account: str, region: str) -> list[Need]:
    """What making or changing a state machine (its template's properties) needs of its role."""
    needed: list[Need] = []
    level = (properties.get("LoggingConfiguration") or {}).get("Level", "OFF")
    if level != "OFF":
        needed += [Need(action) for action in _LOG_DELIVERY]
    if (properties.get("TracingConfiguration") or {}).get("Enabled"):
        needed += [Need(action) for action in _TRACING]
    if "createTrainingJob.sync" in json.dumps(properties.get("DefinitionString", "")):
        rule = f"arn:aws:events:{region}:{account}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
        needed += [Need(action, rule) for action in _RULE]
    return needed


def require_to_follow(role: str, job: str) -> None:
    """To watch a training job that it made (.sync): its tags tell whose it is.

    Raises:
        AccessDeniedError: the role may not.
    """
    iam.require(role, [Need("sagemaker:ListTags", job)], session="StepFunctions")


def client_of(region: str, service: str, state_credentials: Any = None) -> Any:
    """A client of the sandbox's AWS, in the role of the state; stands in for moto's ``boto_client_for``."""
    session = sts_backends[state_credentials.role_arn.split(":")[4]][get_partition(region)].assume_role(
        region_name=region,
        role_session_name="StepFunctions",
        role_arn=state_credentials.role_arn,
        policy="",
        duration=_SESSION_SECONDS,
        external_id="",
    )
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=f"http://localhost:{moto_server_port()}",
        aws_access_key_id=session.access_key_id,
        aws_secret_access_key=session.secret_access_key,
        aws_session_token=session.session_token,
        # As moto's: the service refuses what is wrong, and the state machine says what is tried again.
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=910),
    )


def install() -> None:
    """Have every task of moto's interpreter call AWS in its state's role."""
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions.parser.") and hasattr(module, "boto_client_for"):
            module.boto_client_for = client_of  # type: ignore[attr-defined]
