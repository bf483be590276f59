"""Which scheduled actions are due."""

from __future__ import annotations

from moto.applicationautoscaling.models import FakeScheduledAction

from darkroom.autoscaling.policies import ScheduledAction
from darkroom.autoscaling.properties import read_scheduled_action
from darkroom.autoscaling.schedule import next_occurrence
from darkroom.sandbox.moments import datetime_of


def definition_of(action: FakeScheduledAction) -> ScheduledAction:
    """What moto's scheduled action says.

    Raises:
        ValueError: it can't be read.
    """
    return read_scheduled_action(
        {
            "ScheduledActionName": action.scheduled_action_name,
            "Schedule": action.schedule,
            "Timezone": action.timezone,
            "StartTime": action.start_time,
            "EndTime": action.end_time,
            "ScalableTargetAction": action.scalable_target_action,
        }
    )


def is_due(definition: ScheduledAction, created: float, after: float, now: float) -> bool:
    """Whether the action's schedule names a moment later than ``after`` and up to ``now``, in seconds.

    Not before the action was created, and between its start and end time if it has any. A rate counts
    from the start time, or from the creation.
    """
    counted_from = definition.start or datetime_of(created)
    moment = next_occurrence(
        definition.schedule,
        datetime_of(max(after, created)),
        definition.time_zone,
        start=counted_from,
    )
    if moment is None or moment.timestamp() > now:
        return False
    started = definition.start is None or moment >= definition.start
    return started and (definition.end is None or moment <= definition.end)
