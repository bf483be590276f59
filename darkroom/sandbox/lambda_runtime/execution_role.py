"""What Lambda itself does in a function's role.

Lambda developer guide: "Defining Lambda function permissions with an execution role" (logs), "Visualize
Lambda function invocations using AWS X-Ray" (traces), "Creating and configuring an Amazon SQS event source
mapping" (the queue), "Capturing records of Lambda asynchronous invocations" (dead letters).
"""

from __future__ import annotations

from darkroom.sandbox import iam
from darkroom.sandbox.iam import Need
from darkroom.sandbox.lambda_runtime.configuration import FunctionConfiguration


def require_to_log(function: FunctionConfiguration, stream: str, *, new: bool) -> None:
    """To write to its log stream, and to make it. IAM names both by the stream.

    Raises:
        AccessDeniedError: the role may not.
    """
    group = f"arn:aws:logs:{function.region}:{function.account_id}:log-group:{function.log_group}"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"] if new else ["logs:PutLogEvents"]
    _require(function.role, function.name, *(Need(one, f"{group}:log-stream:{stream}") for one in actions))


def require_to_trace(role: str, name: str) -> None:
    """To send X-Ray what active tracing sees of an invocation.

    Raises:
        AccessDeniedError: the role may not.
    """
    _require(role, name, Need("xray:PutTraceSegments"), Need("xray:PutTelemetryRecords"))


def require_to_poll(role: str, name: str, queue_arn: str) -> None:
    """To read a queue for the function: tried when the mapping is made, and needed by each poll.

    Raises:
        AccessDeniedError: the role may not.
    """
    actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    _require(role, name, *(Need(one, queue_arn) for one in actions))


def require_to_deliver(role: str, name: str, target_arn: str) -> None:
    """To hand on an event that could not be processed, or its record.

    Raises:
        AccessDeniedError: the role may not.
    """
    actions = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
    service = target_arn.split(":")[2]
    _require(role, name, Need(actions.get(service, f"{service}:*"), target_arn))


def _require(role: str, name: str, *needed: Need) -> None:
    iam.require(role, needed, session=name)
