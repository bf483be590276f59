"""Metrics as CloudWatch has them: late, by period, none where nothing was counted."""

from __future__ import annotations

import numpy as np
import pytest

from darkroom.autoscaling.metric_query import MetricStat
from darkroom.planner.metric_feed import (
    EndpointSample,
    MetricDelays,
    MetricFeed,
    UnknownMetricError,
    check_metric,
)
from darkroom.planner.queue_kernel import COUNT_COLUMNS, MISSES, REQUESTS

MISSES_A_MINUTE = MetricStat("ImageGenAPI", "CacheMisses", (), "Sum", 60)
BACKLOG = MetricStat("AWS/SageMaker", "ApproximateBacklogSize", (), "Average", 60)
INSTANCES = MetricStat("/aws/sagemaker/Endpoints", "CPUUtilization", (), "SampleCount", 60)


def feed(delays: MetricDelays) -> MetricFeed:
    """Three minutes in which two requests miss every ten seconds, and a backlog of the minute's number."""
    counts = np.zeros((18, COUNT_COLUMNS))
    counts[:, [REQUESTS, MISSES]] = 2
    samples = [EndpointSample(number, 10 * number, number, 0.0, 0.5) for number in range(3)]
    return MetricFeed(counts, delays, samples)


def test_a_minutes_count_is_the_sum_of_its_steps() -> None:
    series = feed(MetricDelays(0, 0, 0)).series(MISSES_A_MINUTE, 0, 3, 180)
    assert series.values == (12, 12, 12)


def test_a_late_metric_is_missing_and_one_that_is_coming_in_is_partial() -> None:
    late = feed(MetricDelays(front_end=10, endpoint=60, host=120))
    assert late.series(MISSES_A_MINUTE, 0, 3, 180).values == (12, 12, 10)
    assert late.series(BACKLOG, 0, 3, 180).values == (0, 10, None)
    assert late.series(INSTANCES, 0, 3, 240).values == (None, 1, None)


def test_ten_seconds_are_a_period_of_their_own() -> None:
    every_ten = MetricStat("ImageGenAPI", "CacheMisses", (), "Sum", 10)
    assert feed(MetricDelays(0, 0, 0)).series(every_ten, 160, 2, 180).values == (2, 2)


def test_no_instances_are_no_samples_and_no_backlog_each() -> None:
    each = MetricStat("AWS/SageMaker", "ApproximateBacklogSizePerInstance", (), "Average", 60)
    fresh = feed(MetricDelays(0, 0, 0))
    assert fresh.series(INSTANCES, 0, 3, 180).values == (None, 1, 2)
    assert fresh.series(each, 0, 3, 180).values == (None, 10, 10)


@pytest.mark.parametrize(
    ("stat", "said"),
    [
        (MetricStat("Mine", "Other", (), "Sum", 60), "which the planner does not play"),
        (MetricStat("ImageGenAPI", "RequestLatency", (), "p95", 60), "the percentile p95"),
        (MetricStat("ImageGenAPI", "CacheMisses", (), "Sum", 5), "the planner's steps are 10 s"),
    ],
)
def test_a_metric_that_is_not_played_is_refused(stat: MetricStat, said: str) -> None:
    with pytest.raises(UnknownMetricError, match=said):
        check_metric(stat)
