"""What AWS takes as a schedule, and what it does not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from darkroom.campaign.schedule_expression import check_at, check_cron, check_rate


@pytest.mark.parametrize(
    "cron",
    [
        "0 8 ? * MON-FRI *",
        "0 10 * * ? *",
        "15 12 * * ? *",
        "0/15 * * * ? *",
        "0,30 8-17 ? * 2-6 2027",
        "0 18 L * ? *",
        "0 18 LW * ? 2026-2030",
        "0 8 15W * ? *",
        "0 8 ? * 6#3 *",
        "0 8 ? * friL *",
        "0 8 ? JAN,jul TUE *",
    ],
)
def test_a_cron_expression_of_aws_is_taken(cron: str) -> None:
    check_cron(cron)


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("0 8 * * MON", "5 fields: AWS cron has six"),
        ("", "0 fields: AWS cron has six"),
        ("60 8 ? * MON *", "minutes '60': use 0-59"),
        ("0 24 ? * MON *", "hours '24': use 0-23"),
        ("0 8 32 * ? *", "day-of-month '32': use 1-31"),
        ("0 8 0 * ? *", "day-of-month '0': use 1-31"),
        ("0 8 1 13 ? *", "month '13': use 1-12 or JAN-DEC"),
        ("0 8 ? * 0 *", "day-of-week '0': use 1-7 or SUN-SAT"),
        ("0 8 ? * MOON *", "day-of-week 'MOON'"),
        ("0 8 ? * 6#6 *", "day-of-week '6#6'"),
        ("0 8 ? * MON 1969", "year '1969': use 1970-2199"),
        ("? 8 1 * ? *", "minutes '?'"),
        ("30-10 8 1 * ? *", "minutes '30-10': a range goes from the lower"),
        ("0/0 8 1 * ? *", "minutes '0/0': what follows /"),
        ("0, 8 1 * ? *", "minutes ''"),
        ("\u0663 8 1 * ? *", "minutes '\u0663'"),
        ("0 8 ? * FRI-MON *", "day-of-week 'FRI-MON': a range goes from the lower"),
        ("0 8 * * MON *", "exactly one of day-of-month and day-of-week must be ?"),
        ("0 8 * * * *", "exactly one of day-of-month and day-of-week must be ?"),
        ("0 8 ? * ? *", "exactly one of day-of-month and day-of-week must be ?"),
    ],
)
def test_what_is_no_cron_expression_is_refused_with_the_field_at_fault(cron: str, why: str) -> None:
    with pytest.raises(PydanticCustomError, match=re.escape(why)):
        check_cron(cron)


@given(
    st.integers(0, 59), st.integers(0, 23), st.integers(1, 31), st.integers(1, 12), st.integers(1970, 2199)
)
def test_numbers_within_their_ranges_are_a_cron_expression(
    minutes: int, hours: int, day: int, month: int, year: int
) -> None:
    check_cron(f"{minutes} {hours} {day} {month} ? {year}")


@given(st.text())
def test_any_text_is_taken_or_refused_but_never_breaks_the_check(text: str) -> None:
    for check in (check_cron, check_at, check_rate):
        try:
            check(text)
        except PydanticCustomError:
            continue


@pytest.mark.parametrize("time", ["2027-02-14T18:30:00", "2028-02-29T00:00:00"])
def test_a_time_that_exists_is_taken(time: str) -> None:
    check_at(time)


@pytest.mark.parametrize(
    "time", ["2027-02-29T00:00:00", "2027-02-14 18:30:00", "2027-02-14T18:30:00Z", "2027-2-14T18:30:00"]
)
def test_a_time_that_is_none_is_refused(time: str) -> None:
    with pytest.raises(PydanticCustomError, match="time that exists"):
        check_at(time)


@pytest.mark.parametrize("rate", ["1 minute", "5 minutes", "1 hour", "12 hours", "1 day", "2 days"])
def test_a_rate_is_taken(rate: str) -> None:
    check_rate(rate)


@pytest.mark.parametrize("rate", ["1 minutes", "5 minute", "0 hours", "1 week", "hourly", "-1 hours"])
def test_a_rate_that_aws_refuses_is_refused(rate: str) -> None:
    with pytest.raises(PydanticCustomError, match=r"singular with 1|no schedule|positive"):
        check_rate(rate)
