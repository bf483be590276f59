"""Metric math, by the CloudWatch User Guide, "Using math expressions with CloudWatch metrics"."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.autoscaling.metric_math import MetricMathError, Value, evaluate, evaluate_series
from darkroom.autoscaling.metric_math_parser import SUPPORTED_FUNCTIONS
from darkroom.autoscaling.series import TimeSeries

NONE = None
VARIABLES: dict[str, Value] = {
    "metric1": TimeSeries((30.0, 20.0, 0.0, 0.0), 60),
    "metric2": TimeSeries((20.0, NONE, 20.0, NONE), 60),
    "empty": TimeSeries((NONE, NONE, NONE, NONE), 60),
}
POINTS = st.one_of(st.none(), st.floats(-1e6, 1e6))


def series_pairs() -> st.SearchStrategy[tuple[TimeSeries, TimeSeries]]:
    """Two series on one grid."""
    pairs = st.lists(st.tuples(POINTS, POINTS), min_size=1, max_size=12)
    return pairs.map(
        lambda both: (TimeSeries(tuple(a for a, _b in both), 60), TimeSeries(tuple(b for _a, b in both), 60))
    )


def values(expression: str) -> tuple[float | None, ...]:
    return evaluate_series(expression, VARIABLES).values


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("metric1 < metric2", (0, 0, 1, 0)),
        ("metric1 >= 30", (1, 0, 0, 0)),
        ("metric1 > 15 AND metric2 > 15", (1, 0, 0, 0)),
    ],
)
def test_the_user_guides_table_of_comparisons_holds(expression: str, expected: tuple[float, ...]) -> None:
    assert values(expression) == expected


IF_VARIABLES: dict[str, Value] = {
    "metric1": TimeSeries((1.0, 1.0, 0.0, 0.0, NONE), 60),
    "metric2": TimeSeries((30.0, NONE, 0.0, 0.0, 30.0), 60),
    "metric3": TimeSeries((0.0, 0.0, 20.0, NONE, 20.0), 60),
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IF(metric1, metric2, metric3)", (30, 0, 20, NONE, NONE)),
        ("IF(metric1, 5, metric3)", (5, 5, 20, NONE, NONE)),
        ("IF(metric1, metric2, 5)", (30, 0, 5, 5, NONE)),
        ("IF(metric1, metric2)", (30, 0, NONE, NONE, NONE)),
        ("IF(1, metric2, metric3)", (30, NONE, 0, 0, 30)),
        ("IF(0, metric2, metric3)", (0, 0, 20, NONE, 20)),
        ("IF(0, metric2)", (NONE, NONE, NONE, NONE, NONE)),
        ("IF(metric3 > 10, 1, 0)", (0, 0, 1, NONE, 1)),
    ],
)
def test_the_user_guides_tables_of_if_hold(expression: str, expected: tuple[float | None, ...]) -> None:
    assert evaluate_series(expression, IF_VARIABLES).values == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("metric1 + metric2", (50, 20, 20, 0)),
        ("metric1 - metric2", (10, 20, -20, 0)),
        ("metric2 * 2", (40, NONE, 40, NONE)),
        ("2 * metric2 + 1", (41, NONE, 41, NONE)),
        ("-metric1", (-30, -20, 0, 0)),
        ("metric1 + 2 * 3 ^ 2", (48, 38, 18, 18)),
        ("(metric1 + 2) * 3", (96, 66, 6, 6)),
        ("metric1 - 10 - 5", (15, 5, -15, -15)),
        ("-metric1 ^ 2", (-900, -400, 0, 0)),
        ("metric1 || metric2", (1, 1, 1, 0)),
        ("metric1 && metric2", (1, 0, 0, 0)),
        ("metric1 == 0 OR metric1 != 20 AND metric1 <= 30", (1, 0, 1, 1)),
        ("metric1 * .5e1", (150, 100, 0, 0)),
    ],
)
def test_operators_follow_precedence_and_count_a_missing_value_as_zero(
    expression: str, expected: tuple[float | None, ...]
) -> None:
    assert values(expression) == expected


def test_a_division_by_zero_drops_the_datapoint() -> None:
    assert values("metric1 / metric2") == (1.5, NONE, 0, NONE)
    assert values("1 / metric1") == (1 / 30, 1 / 20, NONE, NONE)


def test_the_published_utilization_has_no_datapoint_without_instances() -> None:
    """System A's policy: CPUUtilization's SampleCount counts the instances, and is missing at none."""
    variables: dict[str, Value] = {
        "m1": TimeSeries((NONE, 2.0), 60),
        "hits": TimeSeries((10.0, 60.0), 60),
        "misses": TimeSeries((5.0, 84.0), 60),
    }
    expression = "IF(m1 > 0, (hits + misses) / (m1 * 60 / 10 * 12))"
    assert evaluate_series(expression, variables).values == (NONE, 1.0)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("FILL(metric2, 7)", (20, 7, 20, 7)),
        ("FILL(metric2, metric1)", (20, 20, 20, 0)),
        ("FILL(metric2, REPEAT)", (20, 20, 20, 20)),
        ("FILL(metric2, LINEAR)", (20, 20, 20, NONE)),
        ("FILL(empty, 0)", (0, 0, 0, 0)),
        ("FILL(metric2, MIN(metric1))", (20, 0, 20, 0)),
        ("ABS(metric1 - 25)", (5, 5, 25, 25)),
        ("CEIL(metric1 / 7)", (5, 3, 0, 0)),
        ("FLOOR(metric1 / 7)", (4, 2, 0, 0)),
        ("DIFF(metric1)", (NONE, -10, -20, 0)),
        ("DIFF(metric2)", (NONE, NONE, 0, NONE)),
        ("RATE(metric1)", (NONE, -10 / 60, -20 / 60, 0)),
        ("RATE(metric2 + 0)", (NONE, NONE, 0, NONE)),
        ("RUNNING_SUM(metric2)", (20, NONE, 40, NONE)),
        ("metric1 / PERIOD(metric1)", (0.5, 20 / 60, 0, 0)),
        ("metric1 - AVG(metric1)", (17.5, 7.5, -12.5, -12.5)),
        ("metric1 * 0 + SUM(metric2)", (40, 40, 40, 40)),
        ("metric1 * 0 + MAX(metric1) - MIN(metric1)", (30, 30, 30, 30)),
        ("SUM([metric1, metric2])", (50, 20, 20, 0)),
        ("AVG([metric1, metric2])", (25, 10, 10, 0)),
        ("MIN([metric1, metric2])", (20, 20, 0, 0)),
        ("MAX([metric1, metric2])", (30, 20, 20, 0)),
        ("SUM(100 / [metric1, metric2])", (100 / 30 + 5, 5, 5, NONE)),
        ("MIN(ABS([metric1, -metric1]))", (30, 20, 0, 0)),
    ],
)
def test_functions_give_what_the_user_guide_says(expression: str, expected: tuple[float | None, ...]) -> None:
    found = values(expression)
    assert found == tuple(None if value is None else pytest.approx(value) for value in expected)


def test_a_rate_over_a_gap_divides_by_the_time_between_the_datapoints() -> None:
    variables: dict[str, Value] = {"m": TimeSeries((0.0, NONE, 240.0), 60)}
    assert evaluate_series("RATE(m)", variables).values == (NONE, NONE, 2.0)


def test_a_scalar_of_a_series_without_datapoints_drops_what_it_meets() -> None:
    assert values("metric1 - AVG(empty)") == (NONE, NONE, NONE, NONE)
    assert values("IF(MAX(empty) > 1, metric1)") == (NONE, NONE, NONE, NONE)
    assert values("metric1 + SUM(empty)") == (30, 20, 0, 0)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "is empty"),
        ("metric1 +", "ends too soon"),
        ("(metric1", r"ends too soon: '\)' expected"),
        ("metric1 metric2", "unexpected 'metric2' at character 9"),
        ("metric1 % 2", "unexpected '%'"),
        ("Metric1", "starts with a lower-case letter"),
        ("metric9 + 1", "no metric or expression with the id 'metric9'; ids are: empty, metric1, metric2"),
        ("ANOMALY_DETECTION_BAND(metric1)", "the function ANOMALY_DETECTION_BAND is not supported"),
        ("sum(metric1)", "in upper case"),
        ("SUM(metric1, metric2)", r"such as \[m1, m2\], not 2 arguments"),
        ("ABS(1)", "not a scalar"),
        ("FILL(metric1)", "FILL takes"),
        ("FILL(metric1, [metric1])", "not with an array"),
        ("IF(metric1)", "IF takes a condition"),
        ("IF(1, 2, 3)", "scalar condition takes a time series"),
        ("IF([metric1], 1, 2)", "not arrays"),
        ("PERIOD(metric1 + metric1)", "not the result of an expression"),
        ("REPEAT + metric1", "second argument of FILL"),
        ("[metric1, 1] + 1", "holds time series"),
        ("[metric1] + [metric2]", "at most one array"),
        ("AVG(metric1)", "gives a scalar"),
        ("[metric1, metric2]", "gives an array"),
    ],
)
def test_what_cannot_be_evaluated_is_explained(expression: str, reason: str) -> None:
    with pytest.raises(MetricMathError, match=reason):
        evaluate_series(expression, VARIABLES)


def test_series_of_different_periods_do_not_mix() -> None:
    variables: dict[str, Value] = {"a": TimeSeries((1.0,), 60), "b": TimeSeries((1.0,), 300)}
    for expression in ("a + b", "SUM([a, b])", "IF(a, b, 0)", "FILL(a, b)"):
        with pytest.raises(MetricMathError, match="period"):
            evaluate(expression, variables)


OPERATORS = ("+", "-", "*", "/", "^", "==", "!=", "<=", ">=", "<", ">", "AND", "OR")


@given(series_pairs(), st.sampled_from(OPERATORS))
def test_an_operation_has_datapoints_only_where_an_operand_has_and_all_are_numbers(
    pair: tuple[TimeSeries, TimeSeries], symbol: str
) -> None:
    left, right = pair
    result = evaluate_series(f"a {symbol} b", {"a": left, "b": right})
    for value, a, b in zip(result.values, left.values, right.values, strict=True):
        assert value is None or math.isfinite(value)
        if a is None and b is None:
            assert value is None
        elif symbol not in "/^":
            assert value is not None


@given(series_pairs())
def test_fill_leaves_no_gap_and_changes_no_datapoint(pair: tuple[TimeSeries, TimeSeries]) -> None:
    series, _other = pair
    filled = evaluate_series("FILL(m, 3)", {"m": series})
    assert filled.values == tuple(3.0 if value is None else value for value in series.values)


@given(series_pairs())
def test_the_running_sums_of_a_series_end_in_its_sum(pair: tuple[TimeSeries, TimeSeries]) -> None:
    series, _other = pair
    running = evaluate_series("RUNNING_SUM(m)", {"m": series}).latest()
    total = evaluate("SUM(m)", {"m": series})
    assert (running or 0.0) == pytest.approx(total, abs=1e-6)


@given(st.text(max_size=30))
def test_no_text_makes_the_parser_fail_in_another_way(text: str) -> None:
    with contextlib.suppress(MetricMathError):
        evaluate(text, VARIABLES)


@pytest.mark.parametrize("name", SUPPORTED_FUNCTIONS)
def test_every_function_said_to_be_supported_is(name: str) -> None:
    arguments = {"IF": "metric1, metric1", "FILL": "metric1, 0"}.get(name, "metric1")
    assert evaluate(f"{name}({arguments})", VARIABLES) is not None
