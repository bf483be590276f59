"""What an alarm does in its state: publish to SNS topics, invoke scaling policies.

CloudWatch User Guide, "Alarm actions": for a notification an action runs once, when the state
changes; for Application Auto Scaling "the alarm continues to invoke the action once per minute that
the alarm remains in the new state".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from moto.cloudwatch.models import Alarm
from moto.core.exceptions import ServiceException
from moto.sns.models import sns_backends
from werkzeug.exceptions import HTTPException

from darkroom.sandbox.cloudwatch.alarm_texts import sns_message, sns_subject
from darkroom.sandbox.iam import AccessDeniedError, Need, require_of_service
from darkroom.sandbox.iam.sns_needs import topic_needs

_PRINCIPAL = "cloudwatch.amazonaws.com"


def actions_of(alarm: Alarm) -> list[str]:
    """The ARNs of the actions of the alarm's present state; none when actions are disabled."""
    if not alarm.actions_enabled:
        return []
    by_state: dict[str, list[str]] = {
        "ALARM": alarm.alarm_actions,
        "OK": alarm.ok_actions,
        "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
    }
    return by_state[alarm.state_value]


def is_scaling_policy(arn: str) -> bool:
    """Whether an action is a policy of Application Auto Scaling."""
    return ":scalingPolicy:" in arn


def notify(alarm: Alarm, action: str, account_id: str, before: str) -> str | None:
    """Run an action that is no scaling policy; return why it failed, None when it didn't."""
    _, _, service, region, *_ = action.split(":")
    if service != "sns":
        return f"the local AWS does not play alarm actions of {service}"
    backend: Any = sns_backends[account_id][region]
    try:
        require_of_service(_PRINCIPAL, _needs(action, account_id), source=alarm.alarm_arn, account=account_id)
        backend.publish(
            message=sns_message(alarm, account_id, before), subject=sns_subject(alarm), arn=action
        )
    except (AccessDeniedError, ServiceException, HTTPException) as error:
        return str(error)
    return None


def _needs(topic: str, account_id: str) -> list[Need]:
    """CloudWatch publishes as itself, not in a role. It says whose it does, which is what a topic's first
    policy asks for: so the account's alarms may publish there."""
    return [replace(one, context={"aws:SourceOwner": account_id}) for one in topic_needs(topic)]
