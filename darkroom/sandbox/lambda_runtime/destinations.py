"""Where events go that could not be processed, and reports of those that were."""

from __future__ import annotations

from collections.abc import Mapping

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.utilities.arns import parse_arn

Attributes = Mapping[str, tuple[str, str]]
"""Message attributes: data type and value by name."""


def deliver(target: str, body: str, attributes: Attributes) -> None:
    """Send ``body`` to a queue or a topic.

    Raises:
        ValueError: the sandbox doesn't deliver to that kind of target.
        Exception: what moto raises when the target does not exist.
    """
    arn = parse_arn(target)
    if arn.service == "sqs":
        sqs_backends[arn.account][arn.region].send_message(
            arn.resource_id,
            body,
            message_attributes={
                name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()
            },
        )
    elif arn.service == "sns":
        sns_backends[arn.account][arn.region].publish(
            message=body,
            arn=target,
            message_attributes={
                name: {"Type": kind, "Value": value} for name, (kind, value) in attributes.items()
            },
        )
    else:
        raise ValueError(f"the sandbox delivers to SQS, SNS and Lambda, not to {target}")
