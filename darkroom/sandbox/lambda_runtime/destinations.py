"""Where events go that could not be processed, and reports of those that were."""

from __future__ import annotations

from collections.abc import Mapping

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.utilities.arns import parse_arn

from darkroom.sandbox.iam import require_of_service
from darkroom.sandbox.iam.sns_needs import topic_needs
from darkroom.sandbox.iam.sqs_needs import queue_needs

_NEEDS = {"sqs": queue_needs, "sns": topic_needs}

Attributes = Mapping[str, tuple[str, str]]
"""Message attributes: data type and value by name."""


def deliver_as(service: str, source: str, target: str, body: str, attributes: Attributes) -> None:
    """:func:`deliver`, by an AWS service as itself: the target's policy must let it.

    Args:
        service: the principal, such as ``events.amazonaws.com``.
        source: the ARN of what it delivers for.

    Raises:
        AccessDeniedError: the policy of the target, or of its key, does not let it.
        ValueError, Exception: as below.
    """
    arn = parse_arn(target)
    if arn.service in _NEEDS:
        require_of_service(service, _NEEDS[arn.service](target), source=source, account=arn.account)
    deliver(target, body, attributes)


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
