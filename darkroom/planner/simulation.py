"""One run: traffic through the cache and the queue, ten seconds at a time, with scaling in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from darkroom.autoscaling.template import ScalableTargetResource
from darkroom.planner.distributions import ServiceTime, StartUp
from darkroom.planner.fleet import Fleet
from darkroom.planner.metric_feed import MINUTE, STEP, EndpointSample, MetricDelays, MetricFeed
from darkroom.planner.outcome import Minute, Outcome
from darkroom.planner.queue_kernel import (
    COMPLETED,
    COUNT_COLUMNS,
    EXPIRED,
    HEAD,
    MISSES,
    NEXT,
    TAIL,
    Limits,
    Requests,
    Waiting,
    Workers,
    advance,
)
from darkroom.planner.scaler import Scaler
from darkroom.planner.traffic import Traffic

Progress = Callable[[float], None]
"""Told the share of the traffic's time that is simulated, from 0 to 1."""

_QUIET_SECONDS = 2 * 3600
"""How long a run goes on after the last answer for the fleet to shrink to its minimum."""


@dataclass(frozen=True)
class Endpoint:
    """What the campaign deploys, as far as a request's way goes.

    Attributes:
        target: the scalable target with its policies, from the synthesized template.
        request_time_to_live, cache_time_to_live: seconds.
        start_up, delays: what AWS does not publish.
    """

    target: ScalableTargetResource
    workers_per_instance: int
    service: ServiceTime
    request_time_to_live: float
    cache_time_to_live: float
    start_up: StartUp = field(default_factory=StartUp)
    delays: MetricDelays = field(default_factory=MetricDelays)


def simulate(
    endpoint: Endpoint, traffic: Traffic, *, seed: int = 0, progress: Progress | None = None
) -> Outcome:
    """Simulate ``traffic`` on ``endpoint`` until every request is answered or expired.

    Runs of the same traffic and seed draw the same picture in the same seconds, whatever the policies.
    The fleet starts at the target's minimum, in service.
    """
    run = _Run(endpoint, traffic, seed)
    step = 0
    while not run.is_over(step * STEP):
        step += 1
        run.step_to(step * STEP)
        if progress is not None and step % 90 == 0:
            progress(min(1.0, step * STEP / max(traffic.seconds, 1.0)))
    return run.outcome(step * STEP)


class _Run:
    """The state of a run between two steps."""

    def __init__(self, endpoint: Endpoint, traffic: Traffic, seed: int) -> None:
        service_random, start_random = np.random.default_rng(seed).spawn(2)
        count = len(traffic)
        self._traffic = traffic
        self._requests = Requests(
            arrival=traffic.arrivals,
            prompt=traffic.prompts,
            service=endpoint.service.draw(count, service_random),
            leader=np.full(count, -1, dtype=np.int32),
            answered=np.full(count, np.inf),
            expired=np.zeros(count, dtype=np.bool_),
        )
        catalogue = int(traffic.prompts.max(initial=-1)) + 1
        self._waiting = Waiting(
            np.empty(count, dtype=np.int32),
            np.zeros(4, dtype=np.int64),
            np.full(catalogue, -1, dtype=np.int32),
        )
        most = most_instances(endpoint.target) * endpoint.workers_per_instance
        self._workers = Workers(np.full(most + 1, np.inf), np.zeros(most + 1, dtype=np.int32))
        self._limits = Limits(
            float(endpoint.request_time_to_live), float(endpoint.cache_time_to_live), float(STEP)
        )
        self._horizon = traffic.seconds + endpoint.request_time_to_live + 2 * _QUIET_SECONDS
        rows = int(self._horizon // STEP) + 2
        self._counts = np.zeros((rows, COUNT_COLUMNS))
        self._per_instance = endpoint.workers_per_instance
        self._fleet = Fleet(
            self._workers,
            self._waiting,
            endpoint.workers_per_instance,
            lambda: endpoint.start_up.draw(start_random),
        )
        self._feed = MetricFeed(self._counts, endpoint.delays)
        self._scaler = Scaler(endpoint.target, self._fleet, self._feed, traffic.start)
        self._fleet.open_with(endpoint.target.limits.minimum, 0.0)
        self._in_system = 0
        self._quiet_since: float | None = None
        self._minutes: list[Minute] = []

    def step_to(self, now: float) -> None:
        """Everything up to ``now``, a multiple of the step; then the metrics, then the scaling."""
        step = int(now // STEP) - 1
        advance(self._requests, self._waiting, self._workers, self._limits, self._counts, step)
        ended = self._counts[step]
        self._in_system += int(ended[MISSES] - ended[COMPLETED] - ended[EXPIRED])
        if now % MINUTE == 0:
            self._sample(now)
        self._scaler.act(now)
        if not self._is_idle():
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now

    def is_over(self, now: float) -> bool:
        """Whether the traffic is over, all is answered, and the fleet is back at its minimum."""
        if now < self._traffic.seconds or self._quiet_since is None:
            return False
        settled = self._fleet.desired <= self._scaler.limits.minimum or not self._scaler.policies
        waited = now - max(self._quiet_since, self._traffic.seconds)
        return (settled and now % MINUTE == 0) or waited >= _QUIET_SECONDS

    def _is_idle(self) -> bool:
        return self._waiting.cursor[NEXT] == len(self._traffic) and self._in_system == 0

    def _sample(self, now: float) -> None:
        cursor = self._waiting.cursor
        waiting = int(cursor[TAIL] - cursor[HEAD])
        instances = self._fleet.in_service(now)
        drawing = self._in_system - waiting
        oldest = now - self._traffic.arrivals[self._waiting.queue[cursor[HEAD]]] if waiting else 0.0
        busy = min(1.0, drawing / (instances * self._per_instance)) if instances else 0.0
        self._feed.samples.append(EndpointSample(instances, self._in_system, waiting, float(oldest), busy))
        self._minutes.append(Minute(now, self._fleet.desired, instances, self._in_system, busy))

    def outcome(self, now: float) -> Outcome:
        """The run so far as an outcome at ``now``."""
        return Outcome(
            traffic=self._traffic,
            requests=self._requests,
            counts=self._counts,
            minutes=tuple(self._minutes),
            decisions=tuple(self._scaler.decisions),
            instance_seconds=self._fleet.billed_seconds(now),
            serving_seconds=self._fleet.serving_seconds(now) * self._per_instance,
            ended=now,
        )


def most_instances(target: ScalableTargetResource) -> int:
    """The most instances that the target's limits, now or after a scheduled action, allow."""
    actions = target.scheduled_actions
    return max(
        target.limits.maximum,
        *(action.maximum or 0 for action in actions),
        *(action.minimum or 0 for action in actions),
        1,
    )
