"""Every request is served, expired or still waiting: none is lost and none appears."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.autoscaling.policies import ScheduledAction
from darkroom.planner.distributions import ServiceTime, StartUp
from darkroom.planner.outcome import Outcome
from darkroom.planner.queue_kernel import COALESCED, COMPLETED, EXPIRED, HITS, MISSES, REQUESTS
from darkroom.planner.simulation import simulate
from tests.darkroom.planner.scenarios_for_tests import START, endpoint_of, target_of, traffic_of

arrival_times = st.lists(st.floats(0, 3599), max_size=60).map(sorted)
capacities = st.lists(st.tuples(st.integers(1, 59), st.integers(0, 4)), max_size=6)


def run(
    arrivals: list[float],
    changes: list[tuple[int, int]],
    *,
    first: int,
    time_to_live: float,
    cache: float,
    seed: int,
) -> Outcome:
    """One hour in which the schedule sets the capacity again and again."""
    scheduled = [
        ScheduledAction(f"a{number}", f"at({START:%Y-%m-%d}T00:{minute:02d}:00)", "UTC", count, count)
        for number, (minute, count) in enumerate(changes)
    ]
    prompts = np.random.default_rng(seed).integers(-1, 6, len(arrivals)).tolist()
    endpoint = endpoint_of(
        target_of(first, 4, scheduled=scheduled),
        workers=2,
        service=ServiceTime(30.0, 0.8),
        request_time_to_live=time_to_live,
        cache_time_to_live=cache,
        start_up=StartUp(0, 60, 600),
    )
    return simulate(endpoint, traffic_of(arrivals, 3600, prompts), seed=seed)


@settings(max_examples=150, deadline=None)
@given(
    arrivals=arrival_times,
    changes=capacities,
    first=st.integers(0, 4),
    time_to_live=st.floats(60, 7200),
    cache=st.floats(10, 3600),
    seed=st.integers(0, 1000),
)
def test_every_request_is_served_expired_or_answered_by_another_ones_job(
    arrivals: list[float],
    changes: list[tuple[int, int]],
    first: int,
    time_to_live: float,
    cache: float,
    seed: int,
) -> None:
    outcome = run(arrivals, changes, first=first, time_to_live=time_to_live, cache=cache, seed=seed)
    counts = outcome.counts.sum(axis=0)
    assert counts[REQUESTS] == len(arrivals) == counts[HITS] + counts[COALESCED] + counts[MISSES]
    assert counts[MISSES] == counts[COMPLETED] + counts[EXPIRED]
    leads = outcome.requests.leader == np.arange(len(arrivals))
    assert leads.sum() == counts[MISSES]
    assert np.isfinite(outcome.waits).all()
    # A job waits for its time to live at most, and is then drawn or dropped.
    assert (outcome.waits[leads] <= time_to_live + outcome.requests.service[leads] + 1e-3).all()
    assert (outcome.waits[outcome.requests.expired] <= time_to_live + 1e-6).all()
    assert 0 <= outcome.utilization <= 1 + 1e-6


@settings(max_examples=50, deadline=None)
@given(arrivals=arrival_times, servers=st.integers(1, 4), seed=st.integers(0, 1000))
def test_no_worker_draws_two_pictures_at_once(arrivals: list[float], servers: int, seed: int) -> None:
    endpoint = endpoint_of(target_of(servers, servers), service=ServiceTime(60.0, 0.5))
    outcome = simulate(endpoint, traffic_of(arrivals, 3600), seed=seed)
    ends = outcome.requests.answered
    starts = ends - outcome.requests.service
    # A little later than it starts, so that a picture that ends where another starts is not counted.
    drawing = [((starts <= start + 1e-3) & (ends > start + 1e-3)).sum() for start in starts]
    assert all(count <= servers for count in drawing)
    assert (np.diff(starts) >= -1e-3).all(), "first in, first out"
