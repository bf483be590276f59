"""PutMetricData, GetMetricData, GetMetricStatistics and ListMetrics through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


def stat(name: str, stat: str = "Sum", period: int = 60, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "Test", "MetricName": name, **more}
    return {"MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def values(world: Any, queries: list[dict[str, Any]], seconds: float = 600, **more: Any) -> dict[str, Any]:
    answer = world.cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=world.at(0), EndTime=world.at(seconds), **more
    )
    return {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}


def test_a_datum_without_timestamp_is_of_the_sandboxs_now(world: Any) -> None:
    world.advance(130)
    world.put("Requests", 5)
    answer = world.cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "m1", **stat("Requests")}], StartTime=world.at(0), EndTime=world.at(600)
    )
    assert answer["MetricDataResults"][0]["Timestamps"] == [world.at(120)]


def test_values_counts_and_statistic_sets_add_up(world: Any) -> None:
    world.cloudwatch.put_metric_data(
        Namespace="Test",
        MetricData=[
            {"MetricName": "Latency", "Values": [1.0, 3.0], "Counts": [3.0, 1.0]},
            {
                "MetricName": "Latency",
                "StatisticValues": {"SampleCount": 2, "Sum": 10, "Minimum": 4, "Maximum": 6},
            },
        ],
    )
    queries = [
        {"Id": name.lower(), **stat("Latency", name)}
        for name in ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
    ]
    assert values(world, queries) == {
        "samplecount": [6.0],
        "sum": [16.0],
        "average": [pytest.approx(16 / 6)],
        "minimum": [1.0],
        "maximum": [6.0],
    }


def test_percentiles_come_from_single_values_and_not_from_statistic_sets(world: Any) -> None:
    world.cloudwatch.put_metric_data(
        Namespace="Test",
        MetricData=[
            {"MetricName": "Latency", "Values": [float(value) for value in range(1, 102)]},
            {
                "MetricName": "Sets",
                "StatisticValues": {"SampleCount": 2, "Sum": 10, "Minimum": 4, "Maximum": 6},
            },
        ],
    )
    found = values(
        world,
        [
            {"Id": "p50", **stat("Latency", "p50")},
            {"Id": "p99", **stat("Latency", "p99")},
            {"Id": "sets", **stat("Sets", "p99")},
        ],
    )
    assert found == {"p50": [51.0], "p99": [100.0], "sets": []}


def test_a_metric_is_all_of_its_dimensions(world: Any) -> None:
    dimensions = [{"Name": "campaign", "Value": "demo"}, {"Name": "service", "Value": "ImageGenerator"}]
    world.put("Hits", 1, Dimensions=dimensions)
    found = values(
        world,
        [
            {"Id": "both", **stat("Hits", Dimensions=dimensions[::-1])},
            {"Id": "one", **stat("Hits", Dimensions=dimensions[:1])},
            {"Id": "none", **stat("Hits")},
        ],
    )
    assert found == {"both": [1.0], "one": [], "none": []}


def test_metric_math_is_computed_and_only_what_is_asked_for_returned(world: Any) -> None:
    for minute, (hits, misses) in enumerate([(1, 2), (3, None), (0, 0)]):
        world.put("Hits", hits, world.now + 60 * minute)
        if misses is not None:
            world.put("Misses", misses, world.now + 60 * minute)
    found = values(
        world,
        [
            {"Id": "hits", **stat("Hits"), "ReturnData": False},
            {"Id": "misses", **stat("Misses"), "ReturnData": False},
            {"Id": "total", "Expression": "hits + misses", "ReturnData": False},
            {"Id": "rate", "Expression": "hits / total"},
        ],
        ScanBy="TimestampAscending",
    )
    assert found == {"rate": [pytest.approx(1 / 3), 1.0]}


def test_results_come_newest_first_unless_asked_otherwise(world: Any) -> None:
    for minute in range(3):
        world.put("Count", minute, world.now + 60 * minute)
    query = [{"Id": "m1", **stat("Count")}]
    assert values(world, query) == {"m1": [2.0, 1.0, 0.0]}
    assert values(world, query, ScanBy="TimestampAscending") == {"m1": [0.0, 1.0, 2.0]}


def test_longer_periods_add_up_minutes(world: Any) -> None:
    for minute in range(10):
        world.put("Count", 1, world.now + 60 * minute)
    assert values(world, [{"Id": "m1", **stat("Count", period=300)}]) == {"m1": [5.0, 5.0]}


def test_high_resolution_metrics_have_datapoints_of_ten_seconds(world: Any) -> None:
    for second in (0, 3, 12, 25):
        world.put("Fast", 1, world.now + second, StorageResolution=1)
        world.put("Slow", 1, world.now + second)
    found = values(
        world,
        [{"Id": "fast", **stat("Fast", period=10)}, {"Id": "slow", **stat("Slow", period=10)}],
        seconds=60,
        ScanBy="TimestampAscending",
    )
    assert found == {"fast": [2.0, 1.0, 1.0], "slow": [4.0]}
    assert values(world, [{"Id": "minute", **stat("Fast")}]) == {"minute": [4.0]}


def test_an_unsupported_function_is_an_error_that_names_it(world: Any) -> None:
    with pytest.raises(ClientError, match="SEARCH is not supported"):
        values(world, [{"Id": "m1", **stat("Count")}, {"Id": "e1", "Expression": "SEARCH(m1)"}])


def test_get_metric_statistics_gives_several_statistics_and_percentiles(world: Any) -> None:
    world.cloudwatch.put_metric_data(
        Namespace="Test", MetricData=[{"MetricName": "Latency", "Values": [1.0, 2.0, 3.0], "Unit": "Seconds"}]
    )
    (datapoint,) = world.cloudwatch.get_metric_statistics(
        Namespace="Test",
        MetricName="Latency",
        StartTime=world.at(0),
        EndTime=world.at(60),
        Period=60,
        Statistics=["Sum", "SampleCount"],
        ExtendedStatistics=["p50"],
    )["Datapoints"]
    assert datapoint == {
        "Timestamp": world.at(0),
        "Sum": 6.0,
        "SampleCount": 3.0,
        "ExtendedStatistics": {"p50": 2.0},
        "Unit": "Seconds",
    }


def test_list_metrics_finds_by_namespace_name_and_dimension(world: Any) -> None:
    world.put("Hits", 1, Dimensions=[{"Name": "campaign", "Value": "demo"}])
    world.put("Hits", 1, Dimensions=[{"Name": "campaign", "Value": "other"}])
    world.put("Misses", 1)
    listed = world.cloudwatch.list_metrics(
        Namespace="Test", MetricName="Hits", Dimensions=[{"Name": "campaign", "Value": "demo"}]
    )["Metrics"]
    assert listed == [
        {"Namespace": "Test", "MetricName": "Hits", "Dimensions": [{"Name": "campaign", "Value": "demo"}]}
    ]


def test_old_datapoints_are_dropped(world: Any) -> None:
    world.put("Count", 1, world.now - 16 * 24 * 3600)
    world.put("Count", 1)
    world.advance(3600)
    answer = world.cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "m1", **stat("Count")}],
        StartTime=world.at(-17 * 24 * 3600),
        EndTime=world.at(600),
    )
    assert answer["MetricDataResults"][0]["Values"] == [1.0]
