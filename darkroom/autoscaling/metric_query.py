"""Metric data queries: what GetMetricData, alarms and target tracking ask of CloudWatch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from darkroom.autoscaling.metric_math import MetricMathError, Value, evaluate, evaluate_series
from darkroom.autoscaling.metric_math_parser import parse, referenced_ids
from darkroom.autoscaling.series import TimeSeries
from darkroom.autoscaling.statistics import check_statistic


@dataclass(frozen=True)
class MetricStat:
    """One statistic of one metric.

    Attributes:
        dimensions: (name, value) pairs, sorted; a metric is all of its dimensions, not a part.
        period: seconds.
        unit: only samples of this unit count; None for any.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str
    period: int
    unit: str | None = None


@dataclass(frozen=True)
class MetricQuery:
    """A metric statistic or an expression over other queries, under an id."""

    id: str
    stat: MetricStat | None = None
    expression: str | None = None
    return_data: bool = True
    label: str | None = None


Fetch = Callable[[MetricStat], TimeSeries]


def evaluate_query(wanted: str, queries: Sequence[MetricQuery], fetch: Fetch) -> TimeSeries:
    """The time series of the query ``wanted``, which may be an expression over the others.

    Args:
        wanted: the id of one of ``queries``.
        queries: everything that expressions may refer to.
        fetch: gives the time series of a metric statistic; all on one grid.

    Raises:
        MetricMathError: an expression can't be evaluated, refers to itself or to an unknown id.
    """
    by_id = {query.id: query for query in queries}
    query = by_id[wanted]
    if query.stat is not None:
        return fetch(query.stat)
    expression = query.expression or ""
    return evaluate_series(expression, _variables(expression, by_id, fetch, (wanted,)))


def _variables(
    expression: str, by_id: Mapping[str, MetricQuery], fetch: Fetch, path: tuple[str, ...]
) -> dict[str, Value]:
    variables: dict[str, Value] = {}
    for name in referenced_ids(parse(expression)) & by_id.keys():
        if name in path:
            raise MetricMathError(f"{expression!r} refers to itself: {' -> '.join((*path, name))}")
        query = by_id[name]
        if query.stat is not None:
            variables[name] = fetch(query.stat)
        else:
            inner = query.expression or ""
            variables[name] = evaluate(inner, _variables(inner, by_id, fetch, (*path, name)))
    return variables


def queries_behind(wanted: str, queries: Sequence[MetricQuery]) -> tuple[MetricQuery, ...]:
    """The query ``wanted`` and every query that it refers to, directly or not."""
    by_id = {query.id: query for query in queries}
    found: dict[str, MetricQuery] = {}
    open_ids = [wanted]
    while open_ids:
        name = open_ids.pop()
        if name in found or name not in by_id:
            continue
        found[name] = by_id[name]
        expression = by_id[name].expression
        open_ids.extend(referenced_ids(parse(expression)) if expression is not None else ())
    return tuple(found.values())


def returned_query(queries: Sequence[MetricQuery]) -> MetricQuery:
    """The one query whose data an alarm or a target tracking policy watches.

    Raises:
        ValueError: none or several return data (PutMetricAlarm: exactly one must).
    """
    returned = [query for query in queries if query.return_data]
    if len(returned) != 1:
        ids = ", ".join(query.id for query in returned) or "none"
        raise ValueError(
            f"exactly one metric query must return data (ReturnData: true), but these do: {ids}; "
            "set ReturnData: false on the others"
        )
    return returned[0]


def common_period(queries: Sequence[MetricQuery]) -> int:
    """The period that all metrics of ``queries`` share.

    "Each metric must be using the same period" (User Guide, "Alarms on math expressions").
    """
    periods = {query.stat.period for query in queries if query.stat is not None}
    if len(periods) != 1:
        found = ", ".join(f"{period} s" for period in sorted(periods)) or "no metric at all"
        raise ValueError(f"the metrics of one expression must share one period; found {found}")
    return periods.pop()


def metric_query(properties: Mapping[str, Any], default_period: int | None = None) -> MetricQuery:
    """Read a MetricDataQuery as the API and CloudFormation write it.

    Args:
        properties: Id, and either MetricStat or Expression; ReturnData, Label.
        default_period: the period where the shape has none (TargetTrackingMetricStat).

    Raises:
        ValueError: neither or both of MetricStat and Expression, or no period.
    """
    stat, expression = properties.get("MetricStat"), properties.get("Expression")
    if (stat is None) == (expression is None):
        raise ValueError(f"the metric query {properties.get('Id')!r} needs either MetricStat or Expression")
    if expression is not None:
        parse(expression)
    returns = properties.get("ReturnData")
    return MetricQuery(
        id=properties["Id"],
        stat=None if stat is None else _metric_stat(stat, default_period),
        expression=expression,
        return_data=True if returns is None else str(returns).lower() == "true",
        label=properties.get("Label"),
    )


def _metric_stat(properties: Mapping[str, Any], default_period: int | None) -> MetricStat:
    period = properties.get("Period") or default_period
    if period is None:
        raise ValueError(f"the metric {properties['Metric'].get('MetricName')!r} needs a Period, such as 60")
    metric = properties["Metric"]
    return metric_stat(
        metric["Namespace"],
        metric["MetricName"],
        metric.get("Dimensions"),
        properties["Stat"],
        period,
        properties.get("Unit"),
    )


def metric_stat(
    namespace: str,
    name: str,
    dimensions: Sequence[Mapping[str, str]] | None,
    stat: str,
    period: int | str,
    unit: str | None = None,
) -> MetricStat:
    """A metric statistic from the fields of the API's shapes.

    Raises:
        ValueError: the statistic is not supported, or the period is not one that CloudWatch has.
    """
    check_statistic(stat)
    seconds = int(period)
    if seconds not in (1, 5, 10, 20, 30) and (seconds <= 0 or seconds % 60):
        raise ValueError(f"the period of {name!r} is {seconds} s: use 10, 20, 30 or a multiple of 60 seconds")
    pairs = tuple(sorted((entry["Name"], entry["Value"]) for entry in dimensions or ()))
    return MetricStat(namespace, name, pairs, stat, seconds, unit)
