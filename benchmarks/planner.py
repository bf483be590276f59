"""The planner's speed: against a straightforward simpy model, and over a day of 26 million requests."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from darkroom.autoscaling.policies import CapacityLimits
from darkroom.autoscaling.template import ScalableTargetResource
from darkroom.planner.arrival_process import poisson_arrivals
from darkroom.planner.distributions import ServiceTime
from darkroom.planner.outcome import Outcome
from darkroom.planner.popularity import EVERY_PROMPT_ITS_OWN, Popularity
from darkroom.planner.queue_kernel import FloatArray
from darkroom.planner.simulation import Endpoint, simulate
from darkroom.planner.traffic import Traffic

REPOSITORY = Path(__file__).resolve().parent.parent
_RATE = 300.0
_INSTANCES, _WORKERS = 8, 24
# 93 per cent busy, so that there is a queue to agree about.
_SERVICE = ServiceTime(0.93 * _INSTANCES * _WORKERS / _RATE, 0.3)


@dataclass(frozen=True)
class Comparison:
    """One queue simulated twice, in turn, on the same arrivals and service times.

    Attributes:
        largest_difference: of P50, P95, P99 and mean of the waits to the picture, as a share of simpy's.
    """

    requests: int
    seconds: float
    simpy_seconds: float
    largest_difference: float
    goal: float = 100.0

    @property
    def ratio(self) -> float:
        """How many times faster than simpy."""
        return self.simpy_seconds / self.seconds


@dataclass(frozen=True)
class Day:
    """Some hours simulated in a process of their own: arrivals, prompts, cache, queue and percentiles."""

    requests: int
    seconds: float
    gigabytes: float


def against_simpy(minutes: int = 20) -> Comparison:
    """Ours and simpy's, over ``minutes`` of 300 requests a second on a fixed fleet without a cache."""
    traffic = _traffic(minutes * 60, EVERY_PROMPT_ITS_OWN)
    simulate(_endpoint(), _traffic(60, EVERY_PROMPT_ITS_OWN))  # compiled once for all runs, kept on disk
    start = time.perf_counter()
    outcome = simulate(_endpoint(), traffic)
    ours = outcome.waits
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    theirs = _simpy_waits(traffic, outcome)
    simpy_seconds = time.perf_counter() - start
    figures = _figures(theirs)
    difference = float((np.abs(_figures(ours) - figures) / figures).max())
    return Comparison(len(traffic), seconds, simpy_seconds, difference)


def _figures(waits: FloatArray) -> FloatArray:
    """Mean, P50, P95 and P99."""
    return np.array([waits.mean(), *np.percentile(waits, (50, 95, 99))])


def _simpy_waits(traffic: Traffic, outcome: Outcome) -> FloatArray:
    """Request to picture in simpy: a process a request, a resource for the workers."""
    import simpy

    environment = simpy.Environment()
    workers = simpy.Resource(environment, capacity=_INSTANCES * _WORKERS)
    waits = np.zeros(len(traffic))
    service = outcome.requests.service.tolist()

    def draw(number: int) -> Generator[Any, Any, None]:
        arrival = environment.now
        with workers.request() as turn:
            yield turn
            yield environment.timeout(service[number])
        waits[number] = environment.now - arrival

    def arrive() -> Generator[Any, Any, None]:
        for number, moment in enumerate(traffic.arrivals.tolist()):
            yield environment.timeout(moment - environment.now)
            environment.process(draw(number))

    environment.process(arrive())
    environment.run()
    return waits


def day(hours: int = 24) -> Day:
    """``hours`` of 300 requests a second in a fresh interpreter, with its peak of memory."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.planner", str(hours)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    return Day(**json.loads(done.stdout))


def _measure_day(hours: int) -> Day:
    import resource

    simulate(_endpoint(), _traffic(60, Popularity()))
    start = time.perf_counter()
    traffic = _traffic(hours * 3600, Popularity())
    outcome = simulate(_endpoint(), traffic)
    percentiles = (outcome.wait, outcome.wait_of_misses, outcome.queueing)
    seconds = time.perf_counter() - start
    if not all(one.maximum > 0 for one in percentiles):
        raise RuntimeError("nobody waited: this was no queue")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Day(len(traffic), seconds, kilobytes / 1024**2)


def _traffic(seconds: int, popularity: Popularity) -> Traffic:
    random = np.random.default_rng(4)
    arrivals = poisson_arrivals(np.full(seconds, _RATE), 1.0, random)
    prompts = popularity.draw(len(arrivals), random)
    return Traffic(datetime(2026, 11, 16, tzinfo=UTC), float(seconds), arrivals, prompts)


def _endpoint() -> Endpoint:
    limits = CapacityLimits(_INSTANCES, _INSTANCES)
    target = ScalableTargetResource("Target", "endpoint/bench/variant/AllTraffic", limits, (), ())
    return Endpoint(target, _WORKERS, _SERVICE, request_time_to_live=3600.0, cache_time_to_live=86400.0)


if __name__ == "__main__":
    print(json.dumps(vars(_measure_day(int(sys.argv[1])))))
