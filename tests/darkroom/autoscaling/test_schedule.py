"""Schedules, by the EventBridge User Guide, "Schedule types", and its cron examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.autoscaling.schedule import ScheduleError, next_occurrence


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def occurrences(expression: str, after: str, count: int, zone: str = "UTC") -> list[str]:
    """The next ``count`` times, in local time."""
    found, moment = [], utc(after)
    for _ in range(count):
        following = next_occurrence(expression, moment, zone)
        if following is None:
            break
        moment = following
        found.append(moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # The table of examples in the EventBridge User Guide.
        ("cron(0 10 * * ? *)", ["2026-01-01 10:00", "2026-01-02 10:00"]),
        ("cron(15 12 * * ? *)", ["2026-01-01 12:15", "2026-01-02 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-01-01 18:00", "2026-01-02 18:00", "2026-01-05 18:00"]),
        ("cron(0 8 1 * ? *)", ["2026-01-01 08:00", "2026-02-01 08:00"]),
        ("cron(0/15 * * * ? *)", ["2026-01-01 00:15", "2026-01-01 00:30"]),
        ("cron(0/5 8-17 ? * MON-FRI *)", ["2026-01-01 08:00", "2026-01-01 08:05"]),
        ("cron(0 9 ? * 2#1 *)", ["2026-01-05 09:00", "2026-02-02 09:00"]),
        # L, W and #.
        ("cron(0 0 L * ? *)", ["2026-01-31 00:00", "2026-02-28 00:00"]),
        ("cron(15 10 ? * 6L *)", ["2026-01-30 10:15", "2026-02-27 10:15"]),
        ("cron(15 10 ? * FRIL *)", ["2026-01-30 10:15"]),
        ("cron(0 9 ? * L *)", ["2026-01-03 09:00", "2026-01-10 09:00"]),
        ("cron(0 12 15W * ? *)", ["2026-01-15 12:00", "2026-02-16 12:00", "2026-03-16 12:00"]),
        ("cron(0 12 1W 2,3,8 ? *)", ["2026-02-02 12:00", "2026-03-02 12:00", "2026-08-03 12:00"]),
        ("cron(0 12 31W * ? *)", ["2026-01-30 12:00", "2026-03-31 12:00"]),
        ("cron(0 12 LW * ? *)", ["2026-01-30 12:00", "2026-02-27 12:00"]),
        ("cron(0 12 ? * TUE#5 2026)", ["2026-03-31 12:00", "2026-06-30 12:00"]),
        # Names, lists, years.
        ("cron(0 0 29 FEB ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(30 6,18 ? jan sun *)", ["2026-01-04 06:30", "2026-01-04 18:30"]),
        ("cron(0 0 1 1 ? 2030/2)", ["2030-01-01 00:00", "2032-01-01 00:00"]),
    ],
)
def test_cron_names_the_times_that_the_guide_says(expression: str, expected: list[str]) -> None:
    assert occurrences(expression, "2026-01-01T00:00", len(expected)) == expected


def test_a_cron_whose_years_have_passed_names_no_time() -> None:
    assert next_occurrence("cron(0 0 1 1 ? 2020)", utc("2026-01-01T00:00")) is None
    assert next_occurrence("cron(0 0 30 2 ? *)", utc("2026-01-01T00:00")) is None


def test_local_time_is_kept_across_daylight_saving() -> None:
    expression, zone = "cron(0 8 * * ? *)", "Europe/Amsterdam"
    before = next_occurrence(expression, utc("2026-03-28T00:00"), zone)
    after = next_occurrence(expression, utc("2026-03-29T00:00"), zone)
    assert (before, after) == (utc("2026-03-28T07:00"), utc("2026-03-29T06:00"))


def test_a_time_that_spring_skips_does_not_happen_that_day() -> None:
    """EventBridge Scheduler User Guide, "Daylight savings time": the invocation is skipped."""
    found = occurrences("cron(30 2 * * ? *)", "2026-03-28T12:00", 2, "Europe/Amsterdam")
    assert found == ["2026-03-30 02:30", "2026-03-31 02:30"]


def test_a_time_that_autumn_repeats_happens_once() -> None:
    """EventBridge Scheduler User Guide, "Daylight savings time": it runs once, not again."""
    found = occurrences("cron(30 2 * * ? *)", "2026-10-24T12:00", 2, "Europe/Amsterdam")
    assert found == ["2026-10-25 02:30", "2026-10-26 02:30"]
    first = next_occurrence("cron(30 2 * * ? *)", utc("2026-10-24T12:00"), "Europe/Amsterdam")
    assert first == utc("2026-10-25T00:30")


def test_at_happens_once_in_its_time_zone() -> None:
    expression, zone = "at(2026-07-01T12:00:00)", "America/New_York"
    assert next_occurrence(expression, utc("2026-07-01T00:00"), zone) == utc("2026-07-01T16:00")
    assert next_occurrence(expression, utc("2026-07-01T16:00"), zone) is None


def test_rate_counts_from_its_start() -> None:
    start = utc("2026-01-01T00:02")
    assert next_occurrence("rate(5 minutes)", utc("2026-01-01T00:09"), start=start) == utc("2026-01-01T00:12")
    assert next_occurrence("rate(1 hour)", utc("2025-12-31T00:00"), start=start) == start
    assert next_occurrence("rate(2 days)", start, start=start) == utc("2026-01-03T00:02")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("every day", "is no schedule"),
        ("cron(0 8 * * ?)", "5 fields: AWS cron has six"),
        ("cron(0 8 * * * *)", "exactly one of day-of-month and day-of-week must be"),
        ("cron(0 8 ? * ? *)", "exactly one of day-of-month and day-of-week must be"),
        ("cron(60 8 * * ? *)", "minutes '60': use 0-59"),
        ("cron(0 24 * * ? *)", "hours '24': use 0-23"),
        ("cron(0 8 32 * ? *)", "day-of-month '32': use 1-31"),
        ("cron(0 8 ? * 0 *)", "day-of-week '0': use 1-7 or SUN-SAT"),
        ("cron(0 8 ? * MON-FOO *)", "day-of-week 'FOO'"),
        ("cron(0 17-9 ? * MON *)", "from the lower to the higher"),
        ("cron(0/0 8 ? * MON *)", "above 0"),
        ("cron(0 8 ? * MON#6 *)", "day-of-week"),
        ("rate(0 minutes)", "positive whole number"),
        ("rate(1 minutes)", r"write rate\(1 minute\)"),
        ("rate(5 minute)", r"write rate\(5 minutes\)"),
        ("rate(5 seconds)", "is no schedule"),
        ("at(2026-13-01T00:00:00)", "at"),
    ],
)
def test_a_bad_expression_is_explained(expression: str, reason: str) -> None:
    with pytest.raises(ScheduleError, match=reason):
        next_occurrence(expression, utc("2026-01-01T00:00"))


@pytest.mark.parametrize("zone", ["Amsterdam", "Europe/Nowhere", "", "../etc/passwd"])
def test_a_bad_time_zone_is_explained(zone: str) -> None:
    with pytest.raises(ScheduleError, match="is no IANA time zone"):
        next_occurrence("rate(1 hour)", utc("2026-01-01T00:00"), zone)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="aware datetime"):
        next_occurrence("rate(1 hour)", datetime(2026, 1, 1))  # noqa: DTZ001


@given(
    st.integers(0, 15 * 365 * 24 * 3600).map(
        lambda seconds: utc("2020-01-01T00:00") + timedelta(seconds=seconds)
    ),
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(["UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_daily_cron_comes_within_two_days_at_its_local_time_and_later(
    after: datetime, minute: int, hour: int, zone: str
) -> None:
    moment = next_occurrence(f"cron({minute} {hour} * * ? *)", after, zone)
    assert moment is not None
    assert after < moment <= after + timedelta(hours=49)
    local = moment.astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute) == (hour, minute)
