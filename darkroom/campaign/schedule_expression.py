"""The schedules of a campaign's scheduled actions: cron, at and rate, without the word around them.

What counts as one is said in :mod:`darkroom.autoscaling.schedule`, which also plays them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from darkroom.autoscaling.schedule import ScheduleError, check_schedule
from darkroom.campaign.fields import Text, refusal

AT_FORMAT = "%Y-%m-%dT%H:%M:%S"


def check_cron(text: str) -> None:
    """Refuse what is no AWS cron expression.

    Raises:
        PydanticCustomError: with the field that is wrong.
    """
    _check("cron", text, "such as 0 8 ? * MON-FRI * (minutes hours day-of-month month day-of-week year)")


def check_at(text: str) -> None:
    """Refuse what is no time of an ``at()`` expression."""
    try:
        exact = datetime.strptime(text, AT_FORMAT).strftime(AT_FORMAT) == text  # noqa: DTZ007 the zone is a field of its own
    except ValueError:
        exact = False
    if not exact:
        raise refusal(
            "a time that exists, written yyyy-mm-ddThh:mm:ss, with no zone in it", "2027-06-21T08:00:00"
        )


def check_rate(text: str) -> None:
    """Refuse what is no ``rate()`` expression; AWS wants a singular unit with 1 and a plural without."""
    _check("rate", text, "a number and minute(s), hour(s) or day(s), such as 1 hour or 5 minutes")


def _check(kind: str, text: str, expected: str) -> None:
    try:
        check_schedule(f"{kind}({text})")
    except ScheduleError as error:
        raise refusal(str(error), expected) from None


Cron = Annotated[str, Text(check_cron)]
At = Annotated[str, Text(check_at)]
Rate = Annotated[str, Text(check_rate)]
