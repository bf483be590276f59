"""Metric data queries that refer to each other."""

from __future__ import annotations

from typing import Any

import pytest

from darkroom.autoscaling.metric_math import MetricMathError
from darkroom.autoscaling.metric_query import (
    MetricStat,
    common_period,
    evaluate_query,
    metric_query,
    queries_behind,
    returned_query,
)
from darkroom.autoscaling.series import TimeSeries


def metric(id: str, period: int = 60, returns: bool = False) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "Test", "MetricName": id}, "Period": period, "Stat": "Sum"}
    return {"Id": id, "MetricStat": stat, "ReturnData": returns}


QUERIES = [
    metric_query(query)
    for query in (
        metric("hits"),
        metric("misses"),
        metric("unused", period=300),
        {"Id": "total", "Expression": "hits + misses", "ReturnData": False},
        {"Id": "rate", "Expression": "hits / total"},
    )
]


def fetch(stat: MetricStat) -> TimeSeries:
    return TimeSeries({"hits": (1.0, 0.0), "misses": (3.0, 0.0)}[stat.name], stat.period)


def test_an_expression_may_refer_to_expressions() -> None:
    assert evaluate_query("rate", QUERIES, fetch) == TimeSeries((0.25, None), 60)


def test_only_the_metrics_behind_a_query_need_one_period() -> None:
    assert {query.id for query in queries_behind("rate", QUERIES)} == {"rate", "total", "hits", "misses"}
    assert common_period(queries_behind("rate", QUERIES)) == 60
    with pytest.raises(ValueError, match="found 60 s, 300 s"):
        common_period(QUERIES)


def test_an_expression_that_refers_to_itself_is_refused_with_the_circle() -> None:
    circle = [metric_query({"Id": "a", "Expression": "b + 1"}), metric_query({"Id": "b", "Expression": "a"})]
    with pytest.raises(MetricMathError, match="a -> b -> a"):
        evaluate_query("a", circle, fetch)


@pytest.mark.parametrize(("returning", "found"), [((), "none"), (("hits", "misses"), "hits, misses")])
def test_exactly_one_query_returns_data(returning: tuple[str, ...], found: str) -> None:
    queries = [metric_query(metric(id, returns=id in returning)) for id in ("hits", "misses")]
    with pytest.raises(ValueError, match=f"but these do: {found}"):
        returned_query(queries)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"Id": "m1"}, "needs either MetricStat or Expression"),
        ({**metric("m1"), "Expression": "1"}, "needs either MetricStat or Expression"),
        (metric("m1", period=7), "use 10, 20, 30 or a multiple of 60"),
        ({"Id": "e1", "Expression": "m1 +"}, "ends too soon"),
    ],
)
def test_a_malformed_query_is_explained(query: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        metric_query(query)
