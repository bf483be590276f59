"""The schedule expressions of Application Auto Scaling: cron(...), at(...), rate(...).

Sources: Application Auto Scaling API, ScheduledAction.ScheduleExpression; the fields and wildcards of
cron are those of the EventBridge Scheduler user guide, "Cron-based schedules".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from darkroom.campaign.fields import Text, refusal

AT_FORMAT = "%Y-%m-%dT%H:%M:%S"
RATE = re.compile(r"([1-9][0-9]{0,5}) (minute|minutes|hour|hours|day|days)")


@dataclass(frozen=True)
class CronField:
    """One of the six fields: its name, its range, the names its numbers have, its own wildcards."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    wildcards: str = ""

    def number(self, text: str) -> int | None:
        """The number that a piece of the field stands for, or None if it stands for none."""
        if text.upper() in self.names:
            return self.first + self.names.index(text.upper())
        if text.isascii() and text.isdigit() and self.first <= int(text) <= self.last:
            return int(text)
        return None

    def accepts(self, text: str) -> bool:
        """Whether the whole field is written as AWS reads it."""
        if text == "?":
            return "?" in self.wildcards
        return all(self._accepts_part(part) for part in text.split(","))

    def _accepts_part(self, part: str) -> bool:
        if self._accepts_wildcard(part):
            return True
        span, slash, step = part.partition("/")
        if slash and not (step.isascii() and step.isdigit() and 1 <= int(step) <= self.last):
            return False
        if span == "*":
            return True
        ends = [self.number(end) for end in span.split("-")]
        if None in ends or len(ends) > 2:
            return False
        # MON-FRI runs forward, FRI-MON round the end of the week: only numbers must ascend.
        first, last = ends[0], ends[-1]
        return first is not None and last is not None and (first <= last or bool(self.names))

    def _accepts_wildcard(self, part: str) -> bool:
        upper = part.upper()
        if "W" in self.wildcards:
            return upper in ("L", "LW") or (upper.endswith("W") and self.number(upper[:-1]) is not None)
        if "#" in self.wildcards:
            day, hash_sign, nth = upper.partition("#")
            if hash_sign:
                return self.number(day) is not None and nth in ("1", "2", "3", "4", "5")
            return upper == "L" or (upper.endswith("L") and self.number(upper[:-1]) is not None)
        return False


MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
CRON_FIELDS = (
    CronField("minutes", 0, 59),
    CronField("hours", 0, 23),
    CronField("day of month", 1, 31, wildcards="?LW"),
    CronField("month", 1, 12, names=MONTHS),
    CronField("day of week", 1, 7, names=WEEKDAYS, wildcards="?L#"),
    CronField("year", 1970, 2199),
)


def check_cron(text: str) -> None:
    """Refuse what is no AWS cron expression (without the ``cron()`` around it).

    Raises:
        PydanticCustomError: with the field that is wrong.
    """
    parts = text.split()
    if len(parts) != len(CRON_FIELDS):
        raise refusal(
            f"an AWS cron expression has six fields, not {len(parts)}: "
            "minutes, hours, day of month, month, day of week, year",
            "such as 0 8 ? * MON-FRI *",
        )
    for field, part in zip(CRON_FIELDS, parts, strict=True):
        if not field.accepts(part):
            raise refusal(
                f"{part!r} is no {field.name}", f"{field.first} to {field.last}, *, lists, ranges, steps"
            )
    if (parts[2] == "?") == (parts[4] == "?"):
        raise refusal(
            "exactly one of day of month and day of week must be ?",
            "such as 0 8 ? * MON-FRI * or 0 8 1 * ? *",
        )


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
    match = RATE.fullmatch(text)
    if match is None or (match[1] == "1") == match[2].endswith("s"):
        raise refusal(
            "a whole number and minute(s), hour(s) or day(s), singular with 1", "1 hour or 5 minutes"
        )


Cron = Annotated[str, Text(check_cron)]
At = Annotated[str, Text(check_at)]
Rate = Annotated[str, Text(check_rate)]
