"""GetMetricData and GetMetricStatistics over the metric store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.autoscaling.metric_query import (
    MetricQuery,
    MetricStat,
    common_period,
    evaluate_query,
    metric_query,
    queries_behind,
)
from darkroom.autoscaling.series import TimeSeries
from darkroom.sandbox.cloudwatch.metric_store import MetricStore
from darkroom.sandbox.moments import datetime_of

MOST_DATAPOINTS = 100_800
"""The most datapoints that one GetMetricData call returns (GetMetricData reference, MaxDatapoints)."""


def get_metric_data(
    store: MetricStore, queries: Sequence[Mapping[str, Any]], start: float, end: float, scan_by: str
) -> list[dict[str, Any]]:
    """MetricDataResults for ``queries`` from ``start`` to before ``end``, in seconds.

    Raises:
        ValueError: a query is malformed, or asks for more than one call may return.
    """
    parsed = [metric_query(query) for query in queries]
    return [
        _result(store, query, parsed, start, end, scan_by == "TimestampDescending")
        for query in parsed
        if query.return_data
    ]


def _result(
    store: MetricStore,
    query: MetricQuery,
    queries: Sequence[MetricQuery],
    start: float,
    end: float,
    descending: bool,
) -> dict[str, Any]:
    period = common_period(queries_behind(query.id, queries))
    first = _aligned(start, period)
    length = max(0, -int((first - end) // period))
    if length > MOST_DATAPOINTS:
        raise ValueError(
            f"the query {query.id!r} spans {length} periods of {period} s: ask for at most {MOST_DATAPOINTS}"
        )

    def fetch(stat: MetricStat) -> TimeSeries:
        return store.series(stat, first, length)

    series = evaluate_query(query.id, queries, fetch)
    points = [
        (datetime_of(first + index * period), value)
        for index, value in enumerate(series.values)
        if value is not None
    ]
    if descending:
        points.reverse()
    return {
        "id": query.id,
        "label": query.label or (query.stat.name if query.stat else query.id),
        "timestamps": [moment for moment, _ in points],
        "values": [value for _, value in points],
        "status_code": "Complete",
    }


def _aligned(start: float, period: int) -> float:
    """Where the first period starts: StartTime rounded down.

    "Start time between 0 and 15 days ago: Round down to the nearest whole minute" and for periods
    below a minute to a multiple of the period (GetMetricData reference).
    """
    step = min(period, 60)
    return start // step * step


def get_metric_statistics(
    store: MetricStore, stat: MetricStat, statistics: Sequence[str], start: float, end: float
) -> list[tuple[float, dict[str, float]]]:
    """The datapoints of GetMetricStatistics: when each starts, and its value by statistic.

    ``stat`` names the metric and the period; its own statistic is not used.
    """
    datapoints, moment = [], _aligned(start, stat.period)
    while moment < end:
        samples = store.samples(stat, moment, moment + stat.period)
        values = {name: samples.statistic(name) for name in statistics}
        present = {name: value for name, value in values.items() if value is not None}
        if present:
            datapoints.append((moment, present))
        moment += stat.period
    return datapoints
