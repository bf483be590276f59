"""What CloudWatch says of a campaign's last minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from darkroom.operations.own_metrics import NAMESPACE, own_dimensions

# The queue's metrics come once a minute, and a minute late.
_BACKLOG_MINUTES = 5


@dataclass(frozen=True)
class RecentRequests:
    """Requests of the last ``minutes``.

    Attributes:
        requests: those that reached the cache; hits and misses are their sum.
        hits: the picture was there or under way.
        completed, failed: jobs that ended.
        errors: answers of the API with 5xx.
        p50, p95, p99: seconds from request to picture; None where none was finished.
    """

    minutes: int
    requests: int
    hits: int
    misses: int
    completed: int
    failed: int
    resubmitted: int
    errors: int
    p50: float | None
    p95: float | None
    p99: float | None

    @property
    def hit_rate(self) -> float | None:
        """The share of requests that was not drawn anew; None where there were none."""
        return self.hits / self.requests if self.requests else None


@dataclass(frozen=True)
class Backlog:
    """What waits or is drawn, by the newest figure of the last minutes; None where there is none.

    Attributes:
        oldest_seconds: how long the oldest request has waited.
    """

    requests: int | None
    oldest_seconds: float | None


def recent_requests(cloudwatch: Any, campaign: str, now: datetime, minutes: int) -> RecentRequests:
    """The campaign's own metrics and API Gateway's, from ``now`` back."""
    own = own_dimensions(campaign)
    asked = {
        "requests": (NAMESPACE, "NumberOfInferenceRequests", own, "SampleCount"),
        "hits": (NAMESPACE, "CacheHits", own, "Sum"),
        "misses": (NAMESPACE, "CacheMisses", own, "Sum"),
        "completed": (NAMESPACE, "PicturesCompleted", own, "Sum"),
        "failed": (NAMESPACE, "JobsFailed", own, "Sum"),
        "resubmitted": (NAMESPACE, "JobsResubmitted", own, "Sum"),
        "errors": ("AWS/ApiGateway", "5XXError", {"ApiName": campaign}, "Sum"),
    }
    values = _values(cloudwatch, asked, now, minutes)
    counts = {name: round(sum(found)) for name, found in values.items()}
    waits = _percentiles(cloudwatch, own, now, minutes)
    return RecentRequests(
        minutes=minutes, **counts, p50=waits.get("p50"), p95=waits.get("p95"), p99=waits.get("p99")
    )


def backlog(cloudwatch: Any, campaign: str, drawings: str | None, now: datetime) -> Backlog:
    """The endpoint's queue, or the queue ``drawings`` of a realtime campaign."""
    if drawings is None:
        where, dimensions = "AWS/SageMaker", {"EndpointName": campaign}
        size, age = "ApproximateBacklogSize", "ApproximateAgeOfOldestRequest"
    else:
        where, dimensions = "AWS/SQS", {"QueueName": drawings}
        size, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    asked = {"size": (where, size, dimensions, "Maximum"), "age": (where, age, dimensions, "Maximum")}
    values = _values(cloudwatch, asked, now, _BACKLOG_MINUTES)
    return Backlog(
        requests=round(values["size"][-1]) if values["size"] else None,
        oldest_seconds=values["age"][-1] if values["age"] else None,
    )


def _values(
    cloudwatch: Any,
    asked: Mapping[str, tuple[str, str, Mapping[str, str], str]],
    now: datetime,
    minutes: int,
) -> dict[str, list[float]]:
    """The values of each minute, oldest first; the minute that runs counts too."""
    queries = [
        {
            "Id": id,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": name,
                    "Dimensions": _dimensions(dimensions),
                },
                "Period": 60,
                "Stat": statistic,
            },
        }
        for id, (namespace, name, dimensions, statistic) in asked.items()
    ]
    start, end = _window(now, minutes)
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
    )
    values: dict[str, list[float]] = {id: [] for id in asked}
    for page in pages:
        for result in page["MetricDataResults"]:
            values[result["Id"]] += result["Values"]
    return values


def _percentiles(cloudwatch: Any, own: Mapping[str, str], now: datetime, minutes: int) -> Mapping[str, float]:
    """Over the whole window in one datapoint: percentiles of minutes can't be put together."""
    start, end = _window(now, minutes)
    answer = cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="RequestLatency",
        Dimensions=_dimensions(own),
        StartTime=start,
        EndTime=end,
        Period=round((end - start).total_seconds()),
        ExtendedStatistics=["p50", "p95", "p99"],
    )
    found: Mapping[str, float] = (answer["Datapoints"] or [{}])[0].get("ExtendedStatistics", {})
    return found


def _window(now: datetime, minutes: int) -> tuple[datetime, datetime]:
    end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return end - timedelta(minutes=minutes), end


def _dimensions(named: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in named.items()]
