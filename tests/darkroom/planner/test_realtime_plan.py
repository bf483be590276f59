"""A realtime campaign's plan: calls a minute and instance are what its fleet follows, down to one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darkroom.autoscaling.metric_query import MetricStat
from darkroom.campaign import ResolvedCampaign, Sources, load_campaign
from darkroom.planner.alternatives import all_alternatives
from darkroom.planner.metric_feed import EndpointSample, MetricDelays, MetricFeed
from darkroom.planner.plan import Assumptions, plan_one
from darkroom.planner.queue_kernel import COUNT_COLUMNS, STARTED
from darkroom.planner.synthesis import with_scaling
from darkroom.planner.traffic import Traffic
from darkroom.planner.traffic_source import TrafficSource
from tests.darkroom.planner.scenarios_for_tests import HOUR

CALLS = ("AWS/SageMaker", "InvocationsPerInstance", ())


@pytest.fixture(scope="module")
def storefront() -> ResolvedCampaign:
    """The shipped realtime campaign, without its schedule."""
    return with_scaling(load_campaign(Sources(), "storefront"), {"schedule": []})


@pytest.fixture
def rush(tmp_path: Path) -> Traffic:
    """A quiet hour, two in which every second brings five new pictures, and two quiet ones."""
    file = tmp_path / "rush.yaml"
    file.write_text(
        "duration: 5h\nrequests_per_second: 0.1\n"
        'ramps: [{at: "01:00", rise: 5m, hold: 110m, fall: 5m, requests_per_second: 5}]\n'
        "prompts: {distinct: 1000, exponent: 1.0, unique_share: 1.0}\n"
    )
    return TrafficSource(file).load()


def test_calls_count_in_the_minute_they_start_each_for_its_share_of_an_instance() -> None:
    counts = np.zeros((18, COUNT_COLUMNS))
    counts[6:, STARTED] = 2
    samples = [EndpointSample(number, 0, number, 0.0, 0.5) for number in range(3)]
    feed = MetricFeed(counts, MetricDelays(0, 0, 0), samples)
    for statistic, values in [
        ("Sum", (None, 12, 6)),
        ("SampleCount", (None, 12, 12)),
        ("Average", (None, 1, 0.5)),
    ]:
        assert feed.series(MetricStat(*CALLS, statistic, 60), 0, 3, 180).values == values


def test_a_realtime_fleet_grows_to_what_the_calls_take_and_goes_back_to_one(
    storefront: ResolvedCampaign, rush: Traffic
) -> None:
    own, fixed = all_alternatives(storefront)
    assert (own.name, fixed.name) == ("invocations-per-instance", "fixed fleet")

    planned = plan_one(storefront, own, rush, Assumptions())
    fleet = {minute.moment: minute.in_service for minute in planned.outcome.minutes}
    # 300 calls a minute; three quarters of what an instance's two workers draw in one are 116.
    assert [fleet[hours * HOUR] for hours in (1, 2.75, 4)] == [1, 3, 1]
    assert min(fleet.values()) == 1
    assert planned.summary.drawn == planned.summary.requests
    assert planned.summary.expired == 0
