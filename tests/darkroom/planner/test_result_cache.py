"""The cache: hits, single flight, time to live, and what an expired job means to those who share it."""

from __future__ import annotations

import pytest

from darkroom.planner.outcome import Outcome
from darkroom.planner.popularity import Popularity
from darkroom.planner.simulation import simulate
from tests.darkroom.planner.scenarios_for_tests import endpoint_of, target_of, traffic_of


def run(
    arrivals: list[float],
    prompts: list[int],
    *,
    instances: int = 1,
    cache: float = 1000.0,
    request_time_to_live: float = 600.0,
) -> Outcome:
    endpoint = endpoint_of(
        target_of(instances, max(1, instances)),
        cache_time_to_live=cache,
        request_time_to_live=request_time_to_live,
    )
    return simulate(endpoint, traffic_of(arrivals, 3600, prompts))


def test_the_same_prompt_later_is_a_hit_and_waits_nothing() -> None:
    outcome = run([0.0, 20.0], [7, 7])
    assert (outcome.misses, outcome.hits, outcome.drawn) == (1, 1, 1)
    assert outcome.waits.tolist() == pytest.approx([10.0, 0.0])


def test_the_same_prompt_meanwhile_shares_the_job_and_waits_for_its_rest() -> None:
    outcome = run([0.0, 4.0, 9.0], [7, 7, 7])
    assert (outcome.misses, outcome.coalesced, outcome.drawn) == (1, 2, 1)
    assert outcome.waits.tolist() == pytest.approx([10.0, 6.0, 1.0])


def test_a_follower_of_a_job_that_still_queues_waits_until_it_is_drawn() -> None:
    outcome = run([0.0, 1.0, 2.0], [-1, 7, 7])
    assert (outcome.misses, outcome.coalesced) == (2, 1)
    assert outcome.waits.tolist() == pytest.approx([10.0, 19.0, 18.0])


def test_a_picture_is_drawn_again_once_the_cache_has_dropped_it() -> None:
    outcome = run([0.0, 1009.9, 1010.1], [7, 7, 7])
    assert (outcome.misses, outcome.hits, outcome.drawn) == (2, 1, 2)


def test_prompts_of_ones_own_never_hit() -> None:
    outcome = run([0.0, 20.0, 40.0], [-1, -1, -1])
    assert (outcome.misses, outcome.hits) == (3, 0)


def test_an_expired_job_fails_all_who_share_it_and_nobody_after() -> None:
    outcome = run([0.0, 100.0, 700.0], [7, 7, 7], instances=0)
    assert (outcome.misses, outcome.coalesced, outcome.expired_jobs) == (2, 1, 2)
    assert outcome.expired_requests == 3
    assert outcome.waits.tolist() == pytest.approx([600.0, 500.0, 600.0])


def test_popular_prompts_come_by_zipfs_law() -> None:
    import numpy as np

    prompts = Popularity(distinct=1000, exponent=1.0, unique_share=0.25).draw(
        400_000, np.random.default_rng(1)
    )
    assert (prompts < 0).mean() == pytest.approx(0.25, abs=0.005)
    first, second = (prompts == 0).sum(), (prompts == 1).sum()
    assert first / second == pytest.approx(2.0, rel=0.05)
