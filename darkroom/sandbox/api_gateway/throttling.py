"""Token buckets and quotas, as API Gateway limits requests.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Limit:
    """``rate`` requests a second in the long run, ``burst`` at once."""

    rate: float
    burst: float


class TokenBucket:
    """Holds up to ``burst`` tokens; each request takes one, ``rate`` of them come back a second."""

    def __init__(self, limit: Limit, now: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._now = now
        self._tokens = limit.burst
        self._moment = now()

    def take(self) -> bool:
        """Take a token; False when there is none. Not safe to call from two threads at once."""
        moment = self._now()
        self._tokens = min(self.limit.burst, self._tokens + (moment - self._moment) * self.limit.rate)
        self._moment = moment
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Throttles:
    """The buckets of all keys and methods, by whatever name they are asked for.

    They run on wall time: what they protect is real work of this machine.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, ...], TokenBucket] = {}

    def admits(self, name: tuple[str, ...], limit: Limit) -> bool:
        """Whether one more request is within ``limit``; a changed limit starts with a full bucket."""
        with self._lock:
            bucket = self._buckets.get(name)
            if bucket is None or bucket.limit != limit:
                bucket = self._buckets[name] = TokenBucket(limit)
            return bucket.take()


class Quotas:
    """Requests counted by key and period; the periods are calendar ones in UTC, by the sandbox's clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[tuple[str, ...], tuple[datetime, int]] = {}

    def admits(self, name: tuple[str, ...], quota: dict[str, Any], now: datetime) -> bool:
        """Count one request; False when the period's limit was reached."""
        start = period_start(str(quota["period"]), now)
        with self._lock:
            known, used = self._used.get(name, (start, 0))
            used = used if known == start else 0
            if used >= int(quota["limit"]):
                return False
            self._used[name] = (start, used + 1)
            return True


def period_start(period: str, now: datetime) -> datetime:
    """When the quota period that holds ``now`` began: ``DAY``, ``WEEK`` (from Sunday) or ``MONTH``."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "DAY":
        return day
    if period == "WEEK":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    if period == "MONTH":
        return day.replace(day=1)
    raise ValueError(f"a quota's period is {period!r}: give DAY, WEEK or MONTH")
