"""No request of ours is left at zero instances, whatever the arrivals, start-up times and metric delays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from darkroom.autoscaling.template import ScalableTargetResource
from darkroom.campaign import ResolvedCampaign
from darkroom.planner.distributions import ServiceTime, StartUp
from darkroom.planner.metric_feed import MetricDelays
from darkroom.planner.simulation import simulate
from tests.darkroom.planner.scenarios_for_tests import HOUR, endpoint_of, traffic_of

OURS = "backlog-aware"
# Shrinking a simulated day takes minutes, and any failing scenario says enough.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

groups = st.lists(
    st.tuples(st.floats(0, 2.5 * HOUR), st.integers(1, 200), st.floats(0.1, 1800)), min_size=1, max_size=4
)
"""Bursts: when one begins, how many requests it has, over how many seconds."""

scenarios = st.fixed_dictionaries(
    {
        "groups": groups,
        "start_up": st.tuples(st.floats(0, 1200), st.floats(0, 600)),
        # Later than three minutes no alarm of this shape sees anything: it looks at four datapoints.
        "delays": st.tuples(st.floats(0, 60), st.floats(0, 180), st.floats(0, 300)),
        "seed": st.integers(0, 10_000),
    }
)


def assert_never_stranded(
    campaign: ResolvedCampaign, target: ScalableTargetResource, scenario: dict[str, Any]
) -> None:
    random = np.random.default_rng(scenario["seed"])
    arrivals = np.sort(
        np.concatenate([begin + random.random(count) * length for begin, count, length in scenario["groups"]])
    )
    shortest, more = scenario["start_up"]
    endpoint = endpoint_of(
        target,
        workers=campaign.workers_per_instance,
        service=ServiceTime(campaign.seconds_per_image, 0.1),
        start_up=StartUp(shortest, shortest + more / 2, shortest + more),
        delays=MetricDelays(*scenario["delays"]),
    )
    outcome = simulate(endpoint, traffic_of(arrivals, 3 * HOUR), seed=scenario["seed"])
    assert outcome.expired_requests == 0
    assert np.isfinite(outcome.waits).all()
    # Two minutes of backlog are the alarm's two datapoints; then come the delay and the minute's grid.
    patience = 5 + scenario["delays"][1] / 60
    forgotten = 0
    for minute in outcome.minutes:
        forgotten = forgotten + 1 if minute.desired == 0 and minute.backlog > 0 else 0
        assert forgotten <= patience, (
            f"{minute.backlog} requests and no instance ordered at {minute.moment} s"
        )


@settings(max_examples=60, deadline=None, phases=PHASES)
@given(scenario=scenarios)
def test_no_request_waits_for_an_instance_that_nobody_orders(
    launch: ResolvedCampaign, targets: Mapping[str, ScalableTargetResource], scenario: dict[str, Any]
) -> None:
    assert_never_stranded(launch, targets[OURS], scenario)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(scenario=scenarios)
def test_no_request_waits_for_an_instance_that_nobody_orders_in_ten_thousand_scenarios(
    launch: ResolvedCampaign, targets: Mapping[str, ScalableTargetResource], scenario: dict[str, Any]
) -> None:
    assert_never_stranded(launch, targets[OURS], scenario)
