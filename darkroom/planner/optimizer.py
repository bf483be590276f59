"""The cheapest scaling that holds an objective: minimum, maximum, target, cooldowns and schedule.

A search of one setting at a time, again and again until nothing gets better: it finds a good plan, not
provably the best one. Every plan that is tried is synthesized and simulated as it would be deployed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from darkroom.campaign import ResolvedCampaign
from darkroom.campaign.fields import duration_text
from darkroom.planner.alternatives import Alternative
from darkroom.planner.forecast import Demand, forecast, schedule_for
from darkroom.planner.objective import Objective
from darkroom.planner.plan import Assumptions, Planned, plan_one, service_time
from darkroom.planner.simulation import Progress
from darkroom.planner.synthesis import synthesize, with_scaling
from darkroom.planner.traffic import Traffic

_ROUNDS = 3
_NAMES = ("headroom", "maximum", "minimum", "target", "scale_in_cooldown", "scale_out_cooldown")


@dataclass(frozen=True)
class Settings:
    """What the search may change.

    Attributes:
        headroom: the scheduled minimum over what the traffic needs; None for the campaign's own schedule.
        scale_out_cooldown, scale_in_cooldown: seconds.
    """

    minimum: int
    maximum: int
    target: float
    scale_out_cooldown: int
    scale_in_cooldown: int
    headroom: float | None = None


@dataclass(frozen=True)
class Found:
    """The best plan of a search.

    Attributes:
        changes: the scaling section's lines, as a campaign file writes them.
        holds: whether it holds the objective; if not it is the nearest that was tried.
    """

    planned: Planned
    changes: dict[str, Any]
    holds: bool
    tried: int

    def yaml_lines(self) -> str:
        """The lines to put into the campaign file."""
        return yaml.safe_dump({"scaling": self.changes}, sort_keys=False).rstrip()


def optimize(
    objective: Objective,
    campaign: ResolvedCampaign,
    traffic: Traffic,
    assumptions: Assumptions,
    progress: Progress | None = None,
) -> Found:
    """Search from the campaign's own settings.

    Raises:
        PlanError: nothing can be planned (see :func:`~darkroom.planner.plan.plan_one`).
    """
    search = _Search(objective, campaign, traffic, assumptions)
    best = search.begin()
    steps = _ROUNDS * len(_NAMES)
    for step in range(steps):
        better = search.improve(best, _NAMES[step % len(_NAMES)])
        if progress is not None:
            progress((step + 1) / steps)
        if step % len(_NAMES) == 0:
            at_start_of_round = best
        best = better
        if step % len(_NAMES) == len(_NAMES) - 1 and best == at_start_of_round:
            break
    return search.found(best)


class _Search:
    """Every plan tried so far, by its settings."""

    def __init__(
        self, objective: Objective, campaign: ResolvedCampaign, traffic: Traffic, assumptions: Assumptions
    ) -> None:
        self._objective = objective
        self._campaign = campaign
        self._traffic = traffic
        self._assumptions = assumptions
        self._scores: dict[Settings, tuple[bool, float, float]] = {}
        self._demand = Demand(1, ())
        # A realtime endpoint keeps an instance.
        self._least = int(campaign.file.endpoint.mode == "realtime")

    def begin(self) -> Settings:
        """Try the campaign as it is, and see what the traffic needs."""
        scaling = self._campaign.file.scaling
        own = Settings(
            scaling.min_instances,
            scaling.max_instances,
            scaling.target_utilization,
            scaling.scale_out_cooldown,
            scaling.scale_in_cooldown,
        )
        planned = self._plan([own])[0]
        self._demand = forecast(
            planned.outcome,
            seconds_per_image=service_time(self._campaign, self._assumptions).mean,
            workers_per_instance=self._campaign.workers_per_instance,
        )
        return own

    def improve(self, best: Settings, name: str) -> Settings:
        """The best of ``best`` and what differs from it in one setting."""
        candidates = [one for one in self._neighbours(best, name) if one not in self._scores]
        self._plan(candidates)
        return min((best, *candidates), key=self._scores.__getitem__)

    def _neighbours(self, best: Settings, name: str) -> Sequence[Settings]:
        peak, mean = self._demand.peak, self._demand.mean
        values: dict[str, Sequence[Any]] = {
            "headroom": (None, 0.8, 1.0, 1.2, 1.5),
            "maximum": sorted({max(1, math.ceil(peak * factor)) for factor in (1.0, 1.25, 1.5, 2.0, 3.0)}),
            "minimum": sorted(
                {self._least, max(1, self._least)}
                | {max(self._least, math.ceil(count)) for count in (mean, mean * 1.5, peak)}
            ),
            "target": (0.5, 0.6, 0.75, 0.9),
            "scale_in_cooldown": (120, 300, 900),
            "scale_out_cooldown": (0, 60, 300),
        }
        changed = [replace(best, **{name: value}) for value in values[name]]
        return [one for one in changed if one.minimum <= one.maximum and one != best]

    def _plan(self, candidates: Sequence[Settings]) -> list[Planned]:
        campaigns = [with_scaling(self._campaign, self._changes(one)) for one in candidates]
        planned = []
        for settings, campaign, target in zip(candidates, campaigns, synthesize(campaigns), strict=True):
            alternative = Alternative(campaign.file.scaling.metric, target)
            one = plan_one(campaign, alternative, self._traffic, self._assumptions)
            excess, cost = self._objective.excess(one.summary), one.summary.cost
            holds = self._objective.holds(one.summary)
            self._scores[settings] = (not holds, cost if holds else excess, cost)
            planned.append(one)
        return planned

    def _changes(self, settings: Settings) -> dict[str, Any]:
        changes: dict[str, Any] = {
            "min_instances": settings.minimum,
            "max_instances": settings.maximum,
            "target_utilization": settings.target,
            "scale_out_cooldown": duration_text(settings.scale_out_cooldown),
            "scale_in_cooldown": duration_text(settings.scale_in_cooldown),
        }
        if settings.headroom is not None:
            schedule = schedule_for(
                self._demand,
                headroom=settings.headroom,
                lead=self._assumptions.start_up.longest + 60,
                start=self._traffic.start,
            )
            changes["schedule"] = [
                {
                    **action,
                    "min_instances": max(self._least, min(action["min_instances"], settings.maximum)),
                }
                for action in schedule
            ]
        return changes

    def found(self, best: Settings) -> Found:
        """``best``, planned once more to have its curves."""
        tried = len(self._scores)
        planned = self._plan([best])[0]
        return Found(planned, self._changes(best), not self._scores[best][0], tried)
