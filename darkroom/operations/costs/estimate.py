"""So far and to the month's end, from quantities and prices: pure functions."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from darkroom.operations.costs.fixed import HOURS_A_MONTH
from darkroom.operations.costs.prices import Price
from darkroom.operations.costs.usage import HOUR

RECENT_SECONDS = 7 * 24 * HOUR
"""The forecast goes on as the last week went: a week has every kind of day."""


@dataclass(frozen=True)
class Span:
    """The time that an estimate is about; seconds since the epoch.

    Attributes:
        start: of the calendar month in UTC, or of the campaign where that is later.
        end: of the month.
    """

    start: float
    now: float
    end: float

    @property
    def recent(self) -> float:
        """From when on the forecast is made."""
        return max(self.start, self.now - RECENT_SECONDS)


@dataclass(frozen=True)
class CostLine:
    """One line of the estimate.

    Attributes:
        quantity: so far this month; None where AWS has measured nothing under that name.
        so_far, forecast: dollars; the forecast is for the whole month.
    """

    name: str
    quantity: float | None
    dollars_each: float
    so_far: float
    forecast: float
    source: str


def month_of(now: float, began: float = 0.0) -> Span:
    """The calendar month around ``now``, from ``began`` on."""
    today = datetime.fromtimestamp(now, UTC)
    first = datetime(today.year, today.month, 1, tzinfo=UTC).timestamp()
    days = calendar.monthrange(today.year, today.month)[1]
    return Span(max(first, min(began, now)), now, first + days * 24 * HOUR)


def by_use(name: str, hours: Mapping[float, float], price: Price, span: Span, *, goes_on: bool) -> CostLine:
    """A line for what is billed by use.

    Args:
        hours: the quantity in each hour, by its start.
        goes_on: it goes on as it did recently; a paused campaign's does not.
    """
    so_far = sum(hours.values())
    return CostLine(
        name=name,
        quantity=so_far if hours else None,
        dollars_each=price.value,
        so_far=so_far * price.value,
        forecast=projected(hours, span, goes_on=goes_on) * price.value,
        source=price.source,
    )


def projected(hours: Mapping[float, float], span: Span, *, goes_on: bool) -> float:
    """A quantity at the month's end: what it is, and the recent rate for what is left of the month."""
    so_far = sum(hours.values())
    seconds = span.now - span.recent
    if not goes_on or seconds <= 0:
        return so_far
    recent = sum(value for hour, value in hours.items() if hour + HOUR > span.recent)
    return so_far + recent / seconds * (span.end - span.now)


def by_month(name: str, units: int, price: Price, span: Span) -> CostLine:
    """A line for what is billed whether used or not; prices by the hour are brought to a month."""
    monthly = units * price.value * (HOURS_A_MONTH if name.endswith("_hour") else 1.0)
    length = HOURS_A_MONTH * HOUR
    return CostLine(
        name=name,
        quantity=float(units),
        dollars_each=price.value,
        so_far=monthly * min(1.0, (span.now - span.start) / length),
        forecast=monthly * min(1.0, (span.end - span.start) / length),
        source=price.source,
    )


@dataclass(frozen=True)
class Total:
    """The sum of lines, in dollars, and over the pictures drawn so far."""

    so_far: float
    forecast: float
    pictures: float

    @property
    def per_picture(self) -> float | None:
        """Dollars of a picture, everything included; None before the first."""
        return self.so_far / self.pictures if self.pictures else None


def total_of(lines: Sequence[CostLine], pictures: float) -> Total:
    """Add up ``lines``."""
    return Total(sum(one.so_far for one in lines), sum(one.forecast for one in lines), pictures)
