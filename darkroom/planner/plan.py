"""A plan: a campaign's traffic, simulated under one policy or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from darkroom.campaign import ResolvedCampaign
from darkroom.planner.alternatives import Alternative
from darkroom.planner.distributions import ServiceTime, StartUp, parse_start_up, read_service_time
from darkroom.planner.metric_feed import MetricDelays, parse_metric_delays
from darkroom.planner.outcome import Outcome
from darkroom.planner.prices import Prices, read_prices
from darkroom.planner.simulation import Endpoint, Progress, simulate
from darkroom.planner.summary import Summary, summarize
from darkroom.planner.traffic import Traffic


@dataclass(frozen=True)
class Assumptions:
    """What a plan has to assume because nobody publishes it.

    Attributes:
        service: None for the campaign's seconds per image.
    """

    service: ServiceTime | None = None
    start_up: StartUp = field(default_factory=StartUp)
    delays: MetricDelays = field(default_factory=MetricDelays)
    prices: Prices = field(default_factory=read_prices)
    seed: int = 0


def read_assumptions(
    *, service: Path | None, start_up: str, metric_delays: str | None = None, prices: Path | None, seed: int
) -> Assumptions:
    """Assumptions from what the command line has: files and texts; None for what is shipped.

    Raises:
        PlanError: one of them can't be read.
    """
    return Assumptions(
        service=None if service is None else read_service_time(service),
        start_up=parse_start_up(start_up),
        delays=MetricDelays() if metric_delays is None else parse_metric_delays(metric_delays),
        prices=read_prices(prices),
        seed=seed,
    )


@dataclass(frozen=True)
class Planned:
    """One policy's run."""

    alternative: Alternative
    outcome: Outcome
    summary: Summary


ProgressOf = Callable[[str], Progress]
"""Makes a progress report for the run of a name."""


def service_time(campaign: ResolvedCampaign, assumptions: Assumptions) -> ServiceTime:
    """How long a picture takes: what was measured, or what the recipe publishes, scaled to the steps."""
    source = campaign.recipe.seconds_per_image.source
    return assumptions.service or ServiceTime(campaign.seconds_per_image, source=source)


def plan_one(
    campaign: ResolvedCampaign,
    alternative: Alternative,
    traffic: Traffic,
    assumptions: Assumptions,
    progress: Progress | None = None,
) -> Planned:
    """Simulate ``traffic`` under ``alternative``.

    Raises:
        PlanError: the price file has no such instance type.
        UnknownMetricError: a policy reads a metric that is not played.
    """
    file = campaign.file
    dollars = assumptions.prices.of(file.endpoint.instance_type)
    endpoint = Endpoint(
        target=alternative.target,
        workers_per_instance=campaign.workers_per_instance,
        service=service_time(campaign, assumptions),
        request_time_to_live=float(file.endpoint.request_time_to_live),
        cache_time_to_live=float(file.cache.time_to_live),
        start_up=assumptions.start_up,
        delays=assumptions.delays,
    )
    outcome = simulate(endpoint, traffic, seed=assumptions.seed, progress=progress)
    summary = summarize(
        alternative.name, outcome, dollars_an_hour=dollars, goal=float(file.scaling.latency_goal)
    )
    return Planned(alternative, outcome, summary)


def plan_all(
    campaign: ResolvedCampaign,
    alternatives: Sequence[Alternative],
    traffic: Traffic,
    assumptions: Assumptions,
    progress_of: ProgressOf | None = None,
) -> list[Planned]:
    """Simulate the same arrivals under each of ``alternatives``."""
    return [
        plan_one(campaign, one, traffic, assumptions, None if progress_of is None else progress_of(one.name))
        for one in alternatives
    ]
