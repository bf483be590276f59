"""What the demo reads back from CloudWatch, through CloudWatch's own API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Point = tuple[datetime, float]


@dataclass(frozen=True)
class Window:
    """The time that is asked about, in the sandbox's time."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Readings:
    """Metrics of the campaign, one value a minute where there was one."""

    requests: Sequence[Point]
    cache_hits: Sequence[Point]
    cache_misses: Sequence[Point]
    latency_seconds: Sequence[Point]
    backlog: Sequence[Point]
    utilization: Sequence[Point]


def read(cloudwatch: Any, *, campaign: str, dashboard: str, window: Window) -> Readings:
    """Read the campaign's metrics, and its utilization as its dashboard draws it."""
    own = {"Namespace": "ImageGenAPI", "Dimensions": _dimensions(service="ImageGenerator", campaign=campaign)}
    async_endpoint = {"Namespace": "AWS/SageMaker", "Dimensions": _dimensions(EndpointName=campaign)}
    queries = [
        _query("requests", own, "NumberOfInferenceRequests", "SampleCount"),
        _query("hits", own, "CacheHits", "Sum"),
        _query("misses", own, "CacheMisses", "Sum"),
        _query("latency", own, "RequestLatency", "Average"),
        _query("backlog", async_endpoint, "ApproximateBacklogSize", "Maximum"),
    ]
    values = _get(cloudwatch, queries, window)
    graph, line = _graph_queries(cloudwatch, dashboard, "Utilization")
    utilization = _get(cloudwatch, graph, window)[line]
    return Readings(
        requests=values["requests"],
        cache_hits=values["hits"],
        cache_misses=values["misses"],
        latency_seconds=values["latency"],
        backlog=values["backlog"],
        utilization=utilization,
    )


def _graph_queries(cloudwatch: Any, dashboard: str, title: str) -> tuple[list[dict[str, Any]], str]:
    """A graph of a dashboard as GetMetricData queries, and the id of the one line that it shows.

    Format: CloudWatch API reference, "Dashboard body structure and syntax", metrics array.
    """
    body = json.loads(cloudwatch.get_dashboard(DashboardName=dashboard)["DashboardBody"])
    graph = next(each["properties"] for each in body["widgets"] if each["properties"].get("title") == title)
    queries = []
    for *metric, shown in graph["metrics"]:
        query = {"Id": shown["id"], "Label": shown["label"], "ReturnData": shown["visible"]}
        if metric:
            namespace, name, *dimensions = metric
            pairs = dict(zip(dimensions[::2], dimensions[1::2], strict=True))
            measured = {"Namespace": namespace, "Dimensions": _dimensions(**pairs)}
            queries.append(query | _query(shown["id"], measured, name, shown["stat"]))
        else:
            queries.append(query | {"Expression": shown["expression"]})
    return queries, next(query["Id"] for query in queries if query["ReturnData"])


def total(points: Sequence[Point]) -> float:
    """The sum of all values."""
    return sum(value for _, value in points)


def _dimensions(**dimensions: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _query(query_id: str, metric: dict[str, Any], name: str, statistic: str) -> dict[str, Any]:
    return {
        "Id": query_id,
        "MetricStat": {"Metric": {**metric, "MetricName": name}, "Period": 60, "Stat": statistic},
    }


def _get(cloudwatch: Any, queries: list[dict[str, Any]], window: Window) -> dict[str, list[Point]]:
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=window.start, EndTime=window.end, ScanBy="TimestampAscending"
    )
    values: dict[str, list[Point]] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            points = zip(result["Timestamps"], result["Values"], strict=True)
            values.setdefault(result["Id"], []).extend(points)
    return values
