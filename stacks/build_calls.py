"""A call of AWS as a state of the build's machine."""

from __future__ import annotations

from typing import Any

from stacks.build_jobs import State
from stacks.stack_updates import transient


def call(
    partition: str,
    action: str,
    parameters: dict[str, Any],
    *,
    failed: str,
    then: str,
    error: str = "$.error",
    optimized: bool = False,
    **more: Any,
) -> State:
    """A call of an AWS service, with retries; what it is refused with is in ``error`` for ``failed``.

    Args:
        action: such as ``ssm:putParameter``.
        optimized: it is one of Step Functions' own integrations, not the SDK's.
        more: fields of the state.
    """
    service = "" if optimized else "aws-sdk:"
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::{service}{action}",
        "Parameters": parameters,
        **more,
        "TimeoutSeconds": 300,
        "Retry": [transient()],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": error, "Next": failed}],
        "Next": then,
    }
