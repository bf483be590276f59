"""Composite alarms: a rule over other alarms' states, and actions that another alarm can suppress.

CloudWatch user guide, "Combining alarms" and "Alarm suppression": while the suppressor is in ALARM no action
is taken; before one is, the composite waits WaitPeriod for the suppressor to come, and after it has gone
ExtensionPeriod. What becomes of a state that is left again before its actions were taken is not published:
here they are not taken, nor is the return told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from moto.cloudwatch.models import Alarm

from darkroom.sandbox.cloudwatch.alarm_rule import alarm_name, alarms_of, holds, parse_rule
from darkroom.sandbox.cloudwatch.alarm_texts import timestamp
from darkroom.sandbox.moments import datetime_of

if TYPE_CHECKING:
    from darkroom.sandbox.cloudwatch.backend import SandboxCloudWatchBackend

_MOST_NESTED = 10


class CompositeAlarm(Alarm):
    """One composite alarm, as moto's alarm with a rule.

    Attributes:
        told: the state that its actions were last taken for.
        entered_at, suppressor_left_at: sandbox seconds.
    """

    def __init__(self, account_id: str, region: str, name: str, given: Mapping[str, Any]) -> None:
        super().__init__(
            account_id, region, name, "", "", None, "", 0, None, 0, 0.0, "", None,
            given.get("AlarmDescription") or "", [], given.get("AlarmActions") or [],
            given.get("OKActions") or [], given.get("InsufficientDataActions") or [], None,
            given.get("ActionsEnabled", True), None, None, None, given["AlarmRule"],
        )  # fmt: skip
        self.parsed = parse_rule(given["AlarmRule"])
        self.actions_suppressor: str | None = given.get("ActionsSuppressor")
        self.actions_suppressor_wait_period = int(given.get("ActionsSuppressorWaitPeriod") or 0)
        self.actions_suppressor_extension_period = int(given.get("ActionsSuppressorExtensionPeriod") or 0)
        self.actions_suppressed_by: str | None = None
        self.actions_suppressed_reason: str | None = None
        self.state_value = "INSUFFICIENT_DATA"
        self.told = "INSUFFICIENT_DATA"
        self.entered_at = 0.0
        self.suppressor_left_at: float | None = None

    # moto answers an Alarm's name, rule and description under these names only for its own class.
    @property
    def alarm_name(self) -> str:
        """As DescribeAlarms has it; so are the next two."""
        return str(self.name)

    @property
    def alarm_rule(self) -> str:
        """The rule as it was given."""
        return str(self.rule)

    @property
    def alarm_description(self) -> str:
        """What it is about."""
        return str(self.description)

    def required(self) -> list[str]:
        """The alarms that must be there."""
        suppressor = [alarm_name(self.actions_suppressor)] if self.actions_suppressor else []
        return [*alarms_of(self.parsed), *suppressor]


def evaluate(backend: SandboxCloudWatchBackend, moment: float) -> None:
    """Bring the composite alarms' states up to date, those over others last, and take the actions due."""
    composites = [alarm for alarm in list(backend.alarms.values()) if isinstance(alarm, CompositeAlarm)]
    for _ in range(min(_MOST_NESTED, len(composites))):
        changed = [_evaluate_one(backend, alarm, moment) for alarm in composites]
        if not any(changed):
            break
    for alarm in composites:
        _act(backend, alarm, moment)


def _evaluate_one(backend: SandboxCloudWatchBackend, alarm: CompositeAlarm, moment: float) -> bool:
    """Whether the alarm changed its state."""
    states = {name: one.state_value for name, one in backend.alarms.items()}
    after = "ALARM" if holds(alarm.parsed, states) else "OK"
    if after == alarm.state_value:
        return False
    changed = max(
        (backend.alarms[name] for name in alarms_of(alarm.parsed) if name in backend.alarms),
        key=lambda one: one.state_updated_timestamp,
        default=None,
    )
    now = timestamp(datetime_of(moment))
    reason = f"{alarm.alarm_arn} transitioned to {after} at {now}"
    if changed is not None:
        reason = f"{changed.alarm_arn} transitioned to {changed.state_value} at {now}"
    before, alarm.state_value, alarm.state_reason = alarm.state_value, after, reason
    alarm.entered_at = moment
    backend.record_state(alarm, before)
    return True


def _act(backend: SandboxCloudWatchBackend, alarm: CompositeAlarm, moment: float) -> None:
    if alarm.state_value == alarm.told:
        alarm.actions_suppressed_by = alarm.actions_suppressed_reason = alarm.suppressor_left_at = None
        return
    alarm.actions_suppressed_by = _suppressed_by(backend, alarm, moment)
    if alarm.actions_suppressed_by is not None:
        alarm.actions_suppressed_reason = f"Actions suppressed by {alarm.actions_suppressed_by}"
        return
    before, alarm.told = alarm.told, alarm.state_value
    alarm.actions_suppressed_reason = alarm.suppressor_left_at = None
    backend.act(alarm, before)


def _suppressed_by(backend: SandboxCloudWatchBackend, alarm: CompositeAlarm, moment: float) -> str | None:
    if alarm.actions_suppressor is None:
        return None
    suppressor = backend.alarms.get(alarm_name(alarm.actions_suppressor))
    if suppressor is not None and suppressor.state_value == "ALARM":
        return "Alarm"
    if alarm.actions_suppressed_by == "Alarm":
        alarm.suppressor_left_at = moment
    if alarm.suppressor_left_at is not None:
        waited, due, what = (
            moment - alarm.suppressor_left_at,
            alarm.actions_suppressor_extension_period,
            "ExtensionPeriod",
        )
    else:
        waited, due, what = moment - alarm.entered_at, alarm.actions_suppressor_wait_period, "WaitPeriod"
    return what if waited < due else None
