"""What came out of a run: waits, cache, cost, and how it went over time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from darkroom.planner.queue_kernel import (
    COALESCED,
    COMPLETED,
    EXPIRED,
    HITS,
    MISSES,
    FloatArray,
    Requests,
)
from darkroom.planner.scaler import Decision
from darkroom.planner.traffic import Traffic

HOUR = 3600.0


@dataclass(frozen=True)
class Minute:
    """The endpoint at the end of a minute.

    Attributes:
        moment: seconds of the simulation.
        busy: share of the serving workers that draw.
    """

    moment: float
    desired: int
    in_service: int
    backlog: int
    busy: float


@dataclass(frozen=True)
class Percentiles:
    """Seconds."""

    mean: float
    p50: float
    p95: float
    p99: float
    maximum: float


def percentiles(seconds: FloatArray) -> Percentiles:
    """The percentiles of waits, in seconds; zeros when nobody waited."""
    if len(seconds) == 0:
        return Percentiles(0.0, 0.0, 0.0, 0.0, 0.0)
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    return Percentiles(float(seconds.mean()), float(p50), float(p95), float(p99), float(seconds.max()))


@dataclass(frozen=True)
class Outcome:
    """One run, to its last answer.

    Attributes:
        requests: with leaders, answers and expiries filled in.
        counts: the kernel's, a row a step.
        instance_seconds: billed, from launch to the end of each instance.
        serving_seconds: of workers that served, busy or not.
        ended: seconds of the simulation at which it ended.
    """

    traffic: Traffic
    requests: Requests
    counts: FloatArray
    minutes: tuple[Minute, ...]
    decisions: tuple[Decision, ...]
    instance_seconds: float
    serving_seconds: float
    ended: float

    @cached_property
    def waits(self) -> FloatArray:
        """Seconds from each request to its answer: 0 for a picture that is there.

        A request whose job expired has waited until then, and then heard that there is no picture.
        """
        waits = self.requests.answered[self.requests.leader]
        np.subtract(waits, self.requests.arrival, out=waits)
        return np.maximum(waits, 0.0, out=waits)

    @cached_property
    def _drawn(self) -> NDArray[np.bool_]:
        leads = self.requests.leader == np.arange(len(self.requests.leader), dtype=np.int32)
        drawn: NDArray[np.bool_] = np.logical_and(leads, ~self.requests.expired)
        return drawn

    @cached_property
    def wait(self) -> Percentiles:
        """From request to answer, of everybody."""
        return percentiles(self.waits)

    @cached_property
    def wait_of_misses(self) -> Percentiles:
        """From request to picture, of those whose picture was drawn for them."""
        return percentiles(self.waits[self._drawn])

    @cached_property
    def queueing(self) -> Percentiles:
        """In the queue, before a worker began, of the same."""
        drawn = self._drawn
        return percentiles(np.maximum(self.waits[drawn] - self.requests.service[drawn], 0.0))

    def share_over(self, goal: float) -> float:
        """The share of requests that waited longer than ``goal`` seconds."""
        return float((self.waits > goal).mean()) if len(self.waits) else 0.0

    def _count(self, column: int) -> int:
        return int(self.counts[:, column].sum())

    @property
    def hits(self) -> int:
        """Requests whose picture was there."""
        return self._count(HITS)

    @property
    def coalesced(self) -> int:
        """Requests whose picture was already under way for somebody else."""
        return self._count(COALESCED)

    @property
    def misses(self) -> int:
        """Requests that made a job."""
        return self._count(MISSES)

    @property
    def drawn(self) -> int:
        """Pictures."""
        return self._count(COMPLETED)

    @property
    def expired_jobs(self) -> int:
        """Jobs whose time to live was over before a worker was free."""
        return self._count(EXPIRED)

    @cached_property
    def expired_requests(self) -> int:
        """Requests that got no picture because their job expired."""
        return int(self.requests.expired[self.requests.leader].sum())

    @property
    def instance_hours(self) -> float:
        """Billed."""
        return self.instance_seconds / HOUR

    @cached_property
    def utilization(self) -> float:
        """The share of the serving workers' time in which they drew."""
        busy = float(self.requests.service[self._drawn].sum(dtype=np.float64))
        return busy / self.serving_seconds if self.serving_seconds else 0.0
