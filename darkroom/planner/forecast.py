"""A schedule from traffic that is known beforehand: the instances each part of the day needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np

from darkroom.planner.metric_feed import STEP
from darkroom.planner.outcome import Outcome
from darkroom.planner.queue_kernel import MISSES

_SHORTEST_SLOT = 1800
_MOST_SLOTS = 96
"""Application Auto Scaling allows 200 scheduled actions a target (its quotas page)."""
_PEAK_SECONDS = 300


@dataclass(frozen=True)
class Demand:
    """Instances that would be fully busy, in each slot of ``slot`` seconds: in its busiest 5 minutes."""

    slot: int
    instances: Sequence[float]

    @property
    def peak(self) -> float:
        """The busiest slot's."""
        return max(self.instances, default=0.0)

    @property
    def mean(self) -> float:
        """Over all slots."""
        return sum(self.instances) / len(self.instances) if self.instances else 0.0


def forecast(outcome: Outcome, *, seconds_per_image: float, workers_per_instance: int) -> Demand:
    """The drawing that the traffic of ``outcome`` needed, whoever scaled it."""
    seconds = outcome.traffic.seconds
    slot = math.ceil(seconds / _MOST_SLOTS / _SHORTEST_SLOT) * _SHORTEST_SLOT
    misses = outcome.counts[: math.ceil(seconds / STEP), MISSES]
    window = _PEAK_SECONDS // STEP
    padded = np.append(misses, np.zeros(-len(misses) % window))
    rates = padded.reshape(-1, window).sum(axis=1) / _PEAK_SECONDS
    busy = rates * seconds_per_image / workers_per_instance
    per_slot = slot // _PEAK_SECONDS
    return Demand(slot, [float(busy[at : at + per_slot].max()) for at in range(0, len(busy), per_slot)])


def schedule_for(demand: Demand, *, headroom: float, lead: float, start: datetime) -> list[dict[str, Any]]:
    """Scheduled actions that raise the minimum before each slot needs it, as a campaign file has them.

    Args:
        headroom: the minimum is the need times this, rounded up.
        lead: seconds before a slot that its instances are ordered; less are told to go at its start.
        start: when slot 0 begins, in UTC.
    """
    needs = [math.ceil(need * headroom) for need in demand.instances]
    actions = []
    number = before = 0
    for need, slots in groupby(needs):
        ahead = lead if need > before else 0.0
        # The first minute is the earliest that a run of the schedule can be seen to act.
        seconds = max(60.0, number * demand.slot - ahead)
        moment = start + timedelta(seconds=seconds // 60 * 60)
        if need != before:
            actions.append(
                {
                    "name": f"plan-{moment:%m%d-%H%M}",
                    "at": f"{moment:%Y-%m-%dT%H:%M:%S}",
                    "time_zone": "UTC",
                    "min_instances": need,
                }
            )
        number += len(list(slots))
        before = need
    return actions
