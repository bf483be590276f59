"""What the demo reads back from CloudWatch, through CloudWatch's own API."""

from __future__ import annotations

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


def read(cloudwatch: Any, autoscaling: Any, *, campaign: str, window: Window) -> Readings:
    """Read the campaign's metrics, and its utilization by the expression of the deployed policy."""
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
    policy_queries, result_id = utilization_queries(autoscaling, campaign)
    utilization = _get(cloudwatch, policy_queries, window)[result_id]
    return Readings(
        requests=values["requests"],
        cache_hits=values["hits"],
        cache_misses=values["misses"],
        latency_seconds=values["latency"],
        backlog=values["backlog"],
        utilization=utilization,
    )


def utilization_queries(autoscaling: Any, campaign: str) -> tuple[list[dict[str, Any]], str]:
    """The deployed target-tracking policy's metric math as GetMetricData queries, and its result's id."""
    policies = autoscaling.describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=f"endpoint/{campaign}/variant/AllTraffic"
    )["ScalingPolicies"]
    tracking = next(policy for policy in policies if policy["PolicyType"] == "TargetTrackingScaling")
    metrics = tracking["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]["Metrics"]
    queries = []
    for metric in metrics:
        query = {key: metric[key] for key in ("Id", "Expression", "Label") if key in metric}
        if "MetricStat" in metric:
            # Target tracking's MetricStat has no period: it is always a minute.
            query["MetricStat"] = {**metric["MetricStat"], "Period": 60}
        query["ReturnData"] = metric.get("ReturnData", True)
        queries.append(query)
    result_id = next(query["Id"] for query in queries if query["ReturnData"])
    return queries, result_id


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
