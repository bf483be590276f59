"""From a file, a trace or a profile, to the requests of one run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from darkroom.planner.arrival_process import modulate, poisson_arrivals
from darkroom.planner.popularity import Popularity
from darkroom.planner.problem import PlanError
from darkroom.planner.profile import STEP, Profile, read_profile
from darkroom.planner.queue_kernel import FloatArray
from darkroom.planner.trace import Trace, read_trace
from darkroom.planner.traffic import Traffic

A_MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
"""When traffic begins that does not say."""

MOST_REQUESTS = 500_000_000
"""A request takes 33 bytes: this many take what a large workstation has."""


@dataclass(frozen=True)
class TrafficSource:
    """Where traffic comes from.

    Attributes:
        scale: every rate is multiplied by it.
        interval: seconds of a row of counts without timestamps.
        start: when it begins, instead of what the file says.
        popularity: which prompts are asked for, instead of what the file says.
    """

    file: Path
    scale: float = 1.0
    interval: float = 60.0
    start: datetime | None = None
    popularity: Popularity | None = None

    def load(self, seed: int = 0) -> Traffic:
        """The traffic, the same for the same seed.

        Raises:
            PlanError: the file or the scale is wrong.
        """
        if not 0 < self.scale < float("inf"):
            raise PlanError(f"the scale is {self.scale:g}: it must be above 0, such as 2 for twice the rate")
        times, prompts = np.random.default_rng(seed).spawn(2)
        if self.file.suffix in (".yaml", ".yml"):
            profile = read_profile(self.file)
            traffic = self._from_profile(profile, times)
            popularity = self.popularity or profile.popularity
        else:
            traffic = self._from_trace(read_trace(self.file, self.interval), times)
            popularity = self.popularity or Popularity()
        return replace(
            traffic,
            start=(self.start or traffic.start).astimezone(UTC),
            prompts=popularity.draw(len(traffic), prompts),
        )

    def _from_profile(self, profile: Profile, random: np.random.Generator) -> Traffic:
        rates = modulate(profile.rates() * self.scale, STEP, profile.burstiness, random)
        _check_size(float(rates.sum()) * STEP)
        return self._traffic(profile.begin, profile.duration, poisson_arrivals(rates, STEP, random))

    def _from_trace(self, trace: Trace, random: np.random.Generator) -> Traffic:
        start = trace.start or A_MONDAY
        if trace.counts is not None:
            seconds = len(trace.counts) * trace.interval
            _check_size(float(trace.counts.sum()) * self.scale)
            if self.scale == 1:
                arrivals = _spread(trace.counts.astype(np.int64), trace.interval, random)
            else:
                rates = trace.counts * self.scale / trace.interval
                arrivals = poisson_arrivals(rates, trace.interval, random)
            return self._traffic(start, seconds, arrivals)
        assert trace.arrivals is not None  # noqa: S101  a trace has counts or arrivals
        seconds = (float(trace.arrivals[-1]) // 60 + 1) * 60
        _check_size(len(trace.arrivals) * self.scale)
        arrivals = trace.arrivals
        if self.scale != 1:
            # The recorded requests of each second, times the scale, are the rate of that second: bursts
            # of a second and longer keep their shape.
            recorded = np.bincount(trace.arrivals.astype(np.int64), minlength=int(seconds))
            rates = recorded.astype(np.float64) * self.scale
            arrivals = poisson_arrivals(rates, 1.0, random)
        return self._traffic(start, seconds, arrivals)

    def _traffic(self, start: datetime, seconds: float, arrivals: FloatArray) -> Traffic:
        scaled = "" if self.scale == 1 else f", {self.scale:g} times the rate"
        return Traffic(start, seconds, arrivals, np.empty(0, dtype=np.int32), f"{self.file.name}{scaled}")


def _spread(counts: NDArray[np.int64], interval: float, random: np.random.Generator) -> FloatArray:
    """Each row's requests, anywhere in its interval."""
    starts = np.repeat(np.arange(len(counts), dtype=np.float64) * interval, counts)
    starts += random.random(len(starts)) * interval
    starts.sort()
    return starts


def _check_size(requests: float) -> None:
    if requests > MOST_REQUESTS:
        raise PlanError(
            f"that are {requests:,.0f} requests; at most {MOST_REQUESTS:,} can be simulated: lower the scale"
        )
