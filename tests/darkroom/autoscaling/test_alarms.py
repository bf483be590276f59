"""Alarm states, by the CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data"."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.autoscaling.alarms import AlarmRule, AlarmState, Comparison, MissingData, evaluate_alarm

RETAIN = "retain"
TREATMENTS: tuple[MissingData, ...] = ("missing", "ignore", "breaching", "notBreaching")
STATES: tuple[AlarmState, ...] = ("OK", "ALARM", "INSUFFICIENT_DATA")


def rule(periods: int = 3, to_alarm: int = 3, treatment: MissingData = "missing") -> AlarmRule:
    return AlarmRule("GreaterThanThreshold", 0.5, periods, to_alarm, 300, treatment)


def points(text: str) -> list[float | None]:
    """The user guide's notation: 0 is fine, X breaches, - is missing; the newest is on the right."""
    return [{"0": 0.0, "X": 1.0, "-": None}[mark] for mark in text.split()]


INSUFFICIENT = "INSUFFICIENT_DATA"
TABLE_3_OF_3 = [
    ("0 - X - X", "OK", "OK", "OK", "OK"),
    ("0 - - - -", "OK", "OK", "OK", "OK"),
    ("- - - - -", INSUFFICIENT, RETAIN, "ALARM", "OK"),
    ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("- - X - -", "ALARM", RETAIN, "ALARM", "OK"),
    # Below the table, "Avoiding premature transitions": these two do not alarm at once.
    ("- - - - X", INSUFFICIENT, RETAIN, "ALARM", "OK"),
    ("- - - X -", INSUFFICIENT, RETAIN, "ALARM", "OK"),
]
TABLE_2_OF_3 = [
    ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 - X - -", "OK", "OK", "ALARM", "OK"),
    ("- - - - 0", "OK", "OK", "ALARM", "OK"),
    ("- - - X -", "ALARM", RETAIN, "ALARM", "OK"),
]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("to_alarm", "row"), [(3, row) for row in TABLE_3_OF_3] + [(2, row) for row in TABLE_2_OF_3]
)
def test_the_user_guides_tables_hold(to_alarm: int, row: tuple[str, ...], state: AlarmState) -> None:
    for treatment, expected in zip(TREATMENTS, row[1:], strict=True):
        found = evaluate_alarm(rule(3, to_alarm, treatment), points(row[0]), state)
        assert found == (state if expected == RETAIN else expected), (row[0], treatment)


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [False, False, True]),
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_the_threshold_itself_breaches_only_where_the_comparison_says_so(
    comparison: Comparison, breaching: list[bool]
) -> None:
    compared = replace(rule(), comparison=comparison, threshold=5.0)
    assert [compared.breaches(value) for value in (4.0, 5.0, 6.0)] == breaching


@pytest.mark.parametrize(("period", "interval"), [(10, 10), (20, 10), (30, 10), (60, 60), (300, 60)])
def test_short_periods_are_evaluated_every_ten_seconds_and_others_every_minute(
    period: int, interval: int
) -> None:
    """User Guide, "Alarm evaluation"."""
    assert replace(rule(), period=period).evaluation_interval == interval


def test_the_window_of_a_long_period_slides_by_the_minute() -> None:
    """User Guide: at the end of minute 6 a 5-minute alarm of one period looks at minutes 2 to 6."""
    one = AlarmRule("GreaterThanThreshold", 1, 1, 1, 300, extra_datapoints=0)
    assert one.window_starts(6 * 60) == [60]
    assert one.window_starts(6 * 60 + 59) == [60]


def test_the_evaluation_range_reaches_beyond_the_evaluation_periods() -> None:
    assert rule().window_starts(1500) == [0, 300, 600, 900, 1200]


@pytest.mark.parametrize(("to_alarm", "period"), [(4, 60), (0, 60), (3, 45)])
def test_a_rule_that_cloudwatch_would_refuse_is_refused(to_alarm: int, period: int) -> None:
    with pytest.raises(ValueError, match=r"must be between 1|use 10, 20, 30"):
        AlarmRule("GreaterThanThreshold", 1, 3, to_alarm, period)


@given(
    st.lists(st.sampled_from([0.0, 1.0]), min_size=3, max_size=5),
    st.integers(1, 3),
    st.sampled_from(TREATMENTS),
    st.sampled_from(STATES),
)
def test_with_enough_data_only_the_newest_periods_count_and_no_treatment_matters(
    values: list[float], to_alarm: int, treatment: MissingData, state: AlarmState
) -> None:
    expected = "ALARM" if sum(values[-3:]) >= to_alarm else "OK"
    assert evaluate_alarm(rule(3, to_alarm, treatment), values, state) == expected


@given(
    st.lists(st.sampled_from([0.0, 1.0, None]), min_size=5, max_size=5),
    st.integers(1, 3),
    st.sampled_from(STATES),
)
def test_breaching_alarms_whenever_another_treatment_does_and_not_breaching_only_then(
    values: list[float | None], to_alarm: int, state: AlarmState
) -> None:
    found = {
        treatment: evaluate_alarm(rule(3, to_alarm, treatment), values, state) for treatment in TREATMENTS
    }
    if "ALARM" in (found["missing"], found["notBreaching"]):
        assert found["breaching"] == "ALARM"
    if found["notBreaching"] == "ALARM":
        assert found["missing"] == "ALARM"
