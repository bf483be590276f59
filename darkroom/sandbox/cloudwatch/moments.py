"""Sandbox seconds to the datetimes of moto, which are naive and in UTC, and back."""

from __future__ import annotations

from datetime import UTC, datetime


def seconds_of(moment: datetime | str | float) -> float:
    """Seconds since the epoch; a datetime without a zone is taken to be in UTC."""
    if isinstance(moment, int | float):
        return float(moment)
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def datetime_of(seconds: float) -> datetime:
    """An aware datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
