"""The bounds of a campaign's scaling: how a pause closes them, and how its end restores them.

What is restored is what would hold now had there been no pause: the bounds as they were, and on top of
them the scheduled actions whose time came meanwhile. A deployment that set new bounds meanwhile has the
last word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from darkroom.autoscaling.policies import ScheduledAction
from darkroom.autoscaling.properties import read_scheduled_action
from darkroom.autoscaling.schedule import next_occurrence
from darkroom.autoscaling.template import VARIANT_DIMENSION

_SUSPENSIONS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
_ALL_SUSPENDED = dict.fromkeys(_SUSPENSIONS, True)
_SHORTEST_RATE = 60.0


@dataclass(frozen=True)
class Bounds:
    """The scaling of a variant at a moment.

    Attributes:
        suspended: Application Auto Scaling's SuspendedState.
        moment: when it was so, by the clock that schedules go by; seconds since the epoch.
    """

    minimum: int
    maximum: int
    suspended: Mapping[str, bool]
    moment: float

    def is_closed_at(self, instances: int) -> bool:
        """Whether nothing but ``instances`` is possible."""
        return self.minimum == self.maximum == instances

    def as_json(self) -> dict[str, Any]:
        """For the control row."""
        return asdict(self)


class ScalableTarget:
    """A campaign's scalable target; a campaign that waits for its first build has none."""

    def __init__(self, autoscaling: Any, campaign: str) -> None:
        self._autoscaling = autoscaling
        self._resource_id = f"endpoint/{campaign}/variant/AllTraffic"

    def bounds(self, moment: float) -> Bounds | None:
        """The bounds in force; None where there is no target."""
        target = self._target()
        if target is None:
            return None
        state = target.get("SuspendedState") or {}
        suspended = {name: bool(state.get(name, False)) for name in _SUSPENSIONS}
        return Bounds(int(target["MinCapacity"]), int(target["MaxCapacity"]), suspended, moment)

    def close(self, instances: int) -> None:
        """Allow ``instances`` and nothing else, and let neither policy nor schedule change that.

        A capacity outside of new bounds is brought inside at once; a suspension holds back policies and
        scheduled actions alone (RegisterScalableTarget reference).
        """
        self._register(instances, instances, _ALL_SUSPENDED)

    def restore(self, bounds: Bounds) -> None:
        """Set bounds and suspensions in one call."""
        self._register(bounds.minimum, bounds.maximum, bounds.suspended)

    def scheduled_actions(self) -> list[tuple[ScheduledAction, float]]:
        """The target's scheduled actions, each with its creation (seconds), from which a rate counts."""
        pages = self._autoscaling.get_paginator("describe_scheduled_actions").paginate(
            ServiceNamespace="sagemaker", ResourceId=self._resource_id, ScalableDimension=VARIANT_DIMENSION
        )
        return [
            (read_scheduled_action(action), action["CreationTime"].timestamp())
            for page in pages
            for action in page["ScheduledActions"]
        ]

    def _target(self) -> Mapping[str, Any] | None:
        answer = self._autoscaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[self._resource_id], ScalableDimension=VARIANT_DIMENSION
        )
        return next(iter(answer["ScalableTargets"]), None)

    def _register(self, minimum: int, maximum: int, suspended: Mapping[str, bool]) -> None:
        if self._target() is None:
            return
        self._autoscaling.register_scalable_target(
            ServiceNamespace="sagemaker",
            ScalableDimension=VARIANT_DIMENSION,
            ResourceId=self._resource_id,
            MinCapacity=minimum,
            MaxCapacity=maximum,
            SuspendedState=dict(suspended),
        )


def as_if_never_paused(saved: Bounds, actions: Sequence[tuple[ScheduledAction, float]], now: float) -> Bounds:
    """``saved`` with every scheduled action that fell due since, in order; the last one of each is enough.

    Args:
        actions: each with its creation, in seconds.
        now: by the clock of ``saved.moment``.
    """
    minimum, maximum = saved.minimum, saved.maximum
    if saved.suspended.get("ScheduledScalingSuspended"):
        return saved
    due = [
        (moment, action) for action, created in actions for moment in _last_run(action, created, saved, now)
    ]
    for _, action in sorted(due, key=lambda one: one[0]):
        lower = minimum if action.minimum is None else action.minimum
        upper = maximum if action.maximum is None else action.maximum
        if lower <= upper:  # the service refuses what contradicts
            minimum, maximum = lower, upper
    return Bounds(minimum, maximum, saved.suspended, now)


def _last_run(action: ScheduledAction, created: float, saved: Bounds, now: float) -> Iterator[float]:
    """When ``action`` last fell due between the saving and ``now``, if it did.

    Looks back in steps that double, so that a long pause costs a handful of looks and a rate of a minute is
    not counted through.
    """
    begin = max(saved.moment, created)
    back = _SHORTEST_RATE
    while True:
        found = list(_runs(action, created, max(begin, now - back), now))
        if found:
            yield found[-1]
            return
        if now - back <= begin:
            return
        back *= 2


def _runs(action: ScheduledAction, created: float, after: float, until: float) -> Iterator[float]:
    counted_from = action.start or datetime.fromtimestamp(created, UTC)
    moment = next_occurrence(
        action.schedule, datetime.fromtimestamp(after, UTC), action.time_zone, start=counted_from
    )
    while moment is not None and moment.timestamp() <= until:
        if (action.start is None or moment >= action.start) and (action.end is None or moment <= action.end):
            yield moment.timestamp()
        moment = next_occurrence(action.schedule, moment, action.time_zone, start=counted_from)
