"""Moments: seconds since the epoch to what AWS's APIs and moto take, and back."""

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


def moto_datetime_of(seconds: float) -> datetime:
    """A datetime as moto keeps and compares them: in UTC, but without saying so."""
    return datetime_of(seconds).replace(tzinfo=None)


def timestamp_of(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, as SageMaker, SNS and Lambda write times."""
    return datetime_of(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
