"""AWS schedule expressions: ``at(...)``, ``rate(...)`` and six-field ``cron(...)``.

Sources: Amazon EventBridge User Guide, "Schedule types"
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html), and the Application Auto
Scaling PutScheduledAction reference. Across daylight saving ("Daylight savings time" there): when a
local time is skipped in spring the schedule does not run that day; when it comes twice in autumn it
runs once, on the first.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from darkroom.autoscaling.cron import Cron, parse_cron

_AT = re.compile(r"at\(([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)\)")
# Six digits: a longer rate than anybody's campaign, and still within what a timedelta can count.
_RATE = re.compile(r"rate\(([0-9]{1,6}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.*)\)")
_FORMS = "at(yyyy-mm-ddThh:mm:ss), rate(5 minutes) or cron(0 8 ? * MON-FRI *)"


class ScheduleError(ValueError):
    """A schedule expression or time zone that AWS would refuse."""


def next_occurrence(
    expression: str, after: datetime, time_zone: str = "UTC", *, start: datetime | None = None
) -> datetime | None:
    """The first time strictly after ``after`` that ``expression`` names, or None if there is none.

    Args:
        expression: at, rate or cron.
        after: an aware datetime.
        time_zone: IANA name; at and cron are read in it, rate is not affected.
        start: where a rate counts from; the epoch if not given. AWS counts from the schedule's start
            or creation.

    Returns:
        An aware datetime in UTC.

    Raises:
        ScheduleError: the expression or the time zone is none.
        ValueError: ``after`` is naive.
    """
    if after.tzinfo is None:
        raise ValueError(f"{after} has no time zone: give an aware datetime")
    zone = _zone(time_zone)
    if match := _AT.fullmatch(expression):
        return _next_at(match[1], after, zone)
    if match := _RATE.fullmatch(expression):
        return _next_rate(expression, match, after, start or datetime(1970, 1, 1, tzinfo=UTC))
    if match := _CRON.fullmatch(expression):
        return _next_cron(parse_schedule_cron(match[1]), after, zone)
    raise ScheduleError(f"{expression!r} is no schedule: write {_FORMS}")


def check_schedule(expression: str, time_zone: str = "UTC") -> None:
    """Raise ScheduleError unless ``expression`` and ``time_zone`` can be read."""
    next_occurrence(expression, datetime(2000, 1, 1, tzinfo=UTC), time_zone)


def parse_schedule_cron(fields: str) -> Cron:
    """Parse what stands inside ``cron(...)``, with errors as ScheduleError."""
    try:
        return parse_cron(fields)
    except ValueError as error:
        raise ScheduleError(f"cron({fields}): {error}") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(
            f"{name!r} is no IANA time zone: write one such as Europe/Amsterdam or UTC"
        ) from None


def _next_at(text: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        raise ScheduleError(f"at({text}): {error}") from None
    moment = _first_instant(local, zone)
    return moment if moment is not None and moment > after else None


def _next_rate(expression: str, match: re.Match[str], after: datetime, start: datetime) -> datetime:
    value, unit, plural = int(match[1]), match[2], match[3]
    if value < 1:
        raise ScheduleError(f"{expression!r}: a rate's value is a positive whole number")
    if (value == 1) == bool(plural):
        right = f"{value} {unit}" if value == 1 else f"{value} {unit}s"
        raise ScheduleError(
            f"{expression!r}: write rate({right}); the unit is singular with 1 and plural otherwise"
        )
    step = timedelta(**{f"{unit}s": value})
    if after < start:
        return start.astimezone(UTC)
    return (start + ((after - start) // step + 1) * step).astimezone(UTC)


def _next_cron(cron: Cron, after: datetime, zone: ZoneInfo) -> datetime | None:
    local = after.astimezone(zone).replace(tzinfo=None)
    # One day back: in the hour that comes twice, local times before the present one may lie ahead.
    for candidate in cron.local_times(local - timedelta(days=1)):
        moment = _first_instant(candidate, zone)
        if moment is not None and moment > after:
            return moment
    return None


def _first_instant(local: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant of a local time: the first of two in autumn, None where spring skips it."""
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None
