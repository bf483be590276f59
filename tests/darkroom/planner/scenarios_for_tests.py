"""Small endpoints and traffics that tests are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from darkroom.autoscaling.policies import CapacityLimits, ScheduledAction
from darkroom.autoscaling.template import PolicyResource, ScalableTargetResource
from darkroom.planner.distributions import ServiceTime, StartUp
from darkroom.planner.metric_feed import MetricDelays
from darkroom.planner.popularity import EVERY_PROMPT_ITS_OWN, Popularity
from darkroom.planner.simulation import Endpoint
from darkroom.planner.traffic import Traffic

START = datetime(2026, 11, 16, tzinfo=UTC)
HOUR = 3600.0


def traffic_of(
    arrivals: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]],
    seconds: float,
    prompts: Sequence[int] | None = None,
    popularity: Popularity = EVERY_PROMPT_ITS_OWN,
) -> Traffic:
    """Requests at ``arrivals``, each with a prompt of its own unless said otherwise."""
    times = np.asarray(arrivals, dtype=np.float64)
    chosen = (
        popularity.draw(len(times), np.random.default_rng(5))
        if prompts is None
        else np.asarray(prompts, dtype=np.int32)
    )
    return Traffic(START, seconds, times, chosen, "a test")


def target_of(
    minimum: int,
    maximum: int,
    policies: Sequence[PolicyResource] = (),
    scheduled: Sequence[ScheduledAction] = (),
) -> ScalableTargetResource:
    """A scalable target."""
    return ScalableTargetResource(
        "Target",
        "endpoint/demo/variant/AllTraffic",
        CapacityLimits(minimum, maximum),
        tuple(policies),
        tuple(scheduled),
    )


def endpoint_of(
    target: ScalableTargetResource,
    *,
    workers: int = 1,
    service: ServiceTime | None = None,
    request_time_to_live: float = 6 * HOUR,
    cache_time_to_live: float = 24 * HOUR,
    start_up: StartUp | None = None,
    delays: MetricDelays | None = None,
) -> Endpoint:
    """An endpoint whose pictures take ten seconds."""
    return Endpoint(
        target=target,
        workers_per_instance=workers,
        service=service or ServiceTime(10.0, 0.0),
        request_time_to_live=request_time_to_live,
        cache_time_to_live=cache_time_to_live,
        start_up=start_up or StartUp(300, 300, 300),
        delays=delays or MetricDelays(),
    )
