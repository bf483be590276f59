"""AWS's six-field cron expressions: minutes, hours, day of month, month, day of week, year.

Source: Amazon EventBridge User Guide, "Cron-based schedules". Days of the week are 1-7 from Sunday.
``L``: the last day of the month, or with a day of the week (6L) the last such day. ``W``: the weekday
nearest to a day of the month, within the month. ``#``: the n-th such weekday (3#2: the second
Tuesday). One of the two day fields must be ``?``.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_LAST_YEAR = 2199

DayRule = Callable[[date], bool]


@dataclass(frozen=True)
class Cron:
    """A parsed expression.

    Attributes:
        minutes, hours, months, years: the numbers each field allows.
        on_day: whether a date satisfies the day of month and the day of week.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    on_day: DayRule

    def local_times(self, after: datetime) -> Iterator[datetime]:
        """The naive local times from the day of ``after`` on, in order, later than ``after``."""
        day, last = after.date(), max(self.years, default=0)
        while day.year <= last:
            if day.year not in self.years:
                day = date(day.year + 1, 1, 1)
            elif day.month not in self.months:
                day = _next_month(day)
            else:
                if self.on_day(day):
                    yield from (moment for moment in self._times_of(day) if moment > after)
                day += timedelta(days=1)

    def _times_of(self, day: date) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                yield datetime.combine(day, time(hour, minute))


def parse_cron(fields: str) -> Cron:
    """Parse what stands inside ``cron(...)``.

    Raises:
        ValueError: saying which field is wrong and what it takes.
    """
    parts = fields.split()
    if len(parts) != 6:
        raise ValueError(
            f"{len(parts)} fields: AWS cron has six: minutes hours day-of-month month day-of-week year"
        )
    minutes, hours, day_of_month, month, day_of_week, year = parts
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ValueError("exactly one of day-of-month and day-of-week must be ?")
    return Cron(
        minutes=tuple(sorted(_numbers("minutes", minutes, 0, 59))),
        hours=tuple(sorted(_numbers("hours", hours, 0, 23))),
        months=_numbers("month", month, 1, 12, {name.upper(): number for name, number in _MONTHS.items()}),
        years=_numbers("year", year, 1970, _LAST_YEAR),
        on_day=_day_of_week(day_of_week) if day_of_month == "?" else _day_of_month(day_of_month),
    )


def _numbers(
    field: str, text: str, lowest: int, highest: int, names: dict[str, int] | None = None
) -> frozenset[int]:
    numbers: set[int] = set()
    for item in text.split(","):
        span, slash, step = item.partition("/")
        if slash and (_whole(step) or 0) == 0:
            raise ValueError(f"{field} {item!r}: what follows / is a whole number above 0")
        first, last = _span(field, span, lowest, highest, names or {})
        if slash and first == last:
            last = highest
        numbers.update(range(first, last + 1, int(step) if slash else 1))
    return frozenset(numbers)


def _span(field: str, span: str, lowest: int, highest: int, names: dict[str, int]) -> tuple[int, int]:
    if span == "*":
        return lowest, highest
    first, dash, last = span.partition("-")
    bounds = [
        _number(field, bound, lowest, highest, names) for bound in ((first, last) if dash else (first,))
    ]
    if bounds[0] > bounds[-1]:
        raise ValueError(f"{field} {span!r}: a range goes from the lower to the higher")
    return bounds[0], bounds[-1]


def _number(field: str, text: str, lowest: int, highest: int, names: dict[str, int]) -> int:
    number = names.get(text.upper(), _whole(text))
    if number is None or not lowest <= number <= highest:
        also = f" or {next(iter(names))}-{list(names)[-1]}" if names else ""
        raise ValueError(f"{field} {text!r}: use {lowest}-{highest}{also}, with , - * /")
    return number


def _whole(text: str) -> int | None:
    """The number that a few ASCII digits stand for; Python's int() would take others' digits, too."""
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) else None


def _day_of_month(text: str) -> DayRule:
    if text == "L":
        return lambda day: day.day == _days_in(day)
    if text == "LW":
        return lambda day: day == _nearest_weekday(day, _days_in(day))
    if match := re.fullmatch(r"([0-9]{1,2})W", text):
        wanted = _number("day-of-month", match[1], 1, 31, {})
        return lambda day: wanted <= _days_in(day) and day == _nearest_weekday(day, wanted)
    numbers = _numbers("day-of-month", text, 1, 31)
    return lambda day: day.day in numbers


def _day_of_week(text: str) -> DayRule:
    def number(name: str) -> int:
        return _number("day-of-week", name, 1, 7, _WEEKDAYS)

    if text == "L":
        return lambda day: _weekday(day) == 7
    if match := re.fullmatch(r"(\w+)L", text):
        last = number(match[1])
        return lambda day: _weekday(day) == last and day.day + 7 > _days_in(day)
    if match := re.fullmatch(r"(\w+)#([1-5])", text):
        nth, weekday = int(match[2]), number(match[1])
        return lambda day: _weekday(day) == weekday and (day.day - 1) // 7 + 1 == nth
    numbers = _numbers("day-of-week", text, 1, 7, _WEEKDAYS)
    return lambda day: _weekday(day) in numbers


def _weekday(day: date) -> int:
    """1 for Sunday to 7 for Saturday."""
    return day.isoweekday() % 7 + 1


def _days_in(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> date:
    """The Monday to Friday nearest to the day ``wanted`` of ``day``'s month, within that month."""
    target = day.replace(day=wanted)
    if target.isoweekday() == 6:
        return target + timedelta(days=2 if wanted == 1 else -1)
    if target.isoweekday() == 7:
        return target + timedelta(days=-2 if wanted == _days_in(day) else 1)
    return target


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
