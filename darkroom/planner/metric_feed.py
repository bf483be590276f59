"""What CloudWatch has of the campaign at a moment: the metrics that policies and alarms read."""

from __future__ import annotations

from dataclasses import dataclass, field

from darkroom.autoscaling.metric_query import MetricStat
from darkroom.autoscaling.series import TimeSeries
from darkroom.planner.problem import PlanError
from darkroom.planner.queue_kernel import (
    COALESCED,
    COMPLETED,
    EXPIRED,
    HITS,
    LATENCY,
    MISSES,
    REQUESTS,
    STARTED,
    FloatArray,
)

STEP = 10
"""Seconds of a step, the finest period of an alarm. Metrics of one second are not kept apart."""
MINUTE = 60
_LONGEST_DELAY = 3600

FRONT_END, ENDPOINT, HOST = "ImageGenAPI", "AWS/SageMaker", "/aws/sagemaker/Endpoints"


@dataclass(frozen=True)
class MetricDelays:
    """Seconds from the end of a sample's period until CloudWatch shows it.

    AWS promises nothing here: a model. The metrics that services publish about themselves come a
    minute and more after the fact; what the front-end logs is extracted within seconds.

    Attributes:
        front_end: embedded metric format, extracted from the functions' logs.
        endpoint: AWS/SageMaker, once a minute.
        host: /aws/sagemaker/Endpoints, once a minute.
    """

    front_end: float = 10.0
    endpoint: float = 60.0
    host: float = 60.0

    def of(self, namespace: str) -> float:
        """The delay of a namespace's metrics."""
        return {FRONT_END: self.front_end, ENDPOINT: self.endpoint, HOST: self.host}[namespace]


def parse_metric_delays(text: str) -> MetricDelays:
    """Delays as the command line has them: ``10,60,60``, the front-end's, the endpoint's, the hosts'.

    Raises:
        PlanError: they are none.
    """
    try:
        front_end, endpoint, host = (float(part) for part in text.split(","))
    except ValueError:
        front_end = endpoint = host = -1.0
    if not all(0 <= delay <= _LONGEST_DELAY for delay in (front_end, endpoint, host)):
        raise PlanError(
            f"{text!r} are no metric delays: write three numbers of seconds from 0 to {_LONGEST_DELAY}, "
            "the front-end's, the endpoint's and the hosts', such as 10,60,60"
        )
    return MetricDelays(front_end, endpoint, host)


@dataclass(frozen=True)
class EndpointSample:
    """The endpoint at the end of a minute.

    Attributes:
        backlog: jobs waiting or being drawn (ApproximateBacklogSize counts both).
        waiting: of those, the ones that wait.
        oldest_age: seconds that the first of them has waited.
        busy: share of the serving workers that draw.
    """

    instances: int
    backlog: int
    waiting: int
    oldest_age: float
    busy: float


class UnknownMetricError(ValueError):
    """A policy reads a metric that the planner does not play."""


# Counters: the columns whose events each are one sample of value 1. A cache hit is a picture that is
# there or under way (docs/architecture.md, "Metrics").
_COUNTERS: dict[tuple[str, str], tuple[int, ...]] = {
    (FRONT_END, "NumberOfInferenceRequests"): (REQUESTS,),
    (FRONT_END, "CacheHits"): (HITS, COALESCED),
    (FRONT_END, "CoalescedRequests"): (COALESCED,),
    (FRONT_END, "CacheMisses"): (MISSES,),
    (FRONT_END, "PicturesCompleted"): (COMPLETED,),
    (FRONT_END, "JobsFailed"): (EXPIRED,),
    (FRONT_END, "PicturesRefused"): (),  # nobody looks at what the planner draws
    (ENDPOINT, "InvocationsProcessed"): (COMPLETED,),
    (ENDPOINT, "ExpiredRequests"): (EXPIRED,),
}
_LATENCY = (FRONT_END, "RequestLatency")
# A realtime endpoint is called when a worker is free, near enough: what waits does so in the queue before it.
# Calls that a full container refuses are not played; on AWS they count, too.
_INVOCATIONS = (ENDPOINT, "InvocationsPerInstance")


@dataclass
class _Summary:
    """The samples of one period, as far as simple statistics need them."""

    count: float = 0.0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")

    def add(self, count: float, total: float, minimum: float, maximum: float) -> None:
        self.count += count
        self.total += total
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)

    def statistic(self, name: str) -> float | None:
        if self.count == 0:
            return None
        match name:
            case "SampleCount":
                return self.count
            case "Sum":
                return self.total
            case "Average":
                return self.total / self.count
            case "Minimum":
                return self.minimum
            case _:
                return self.maximum


@dataclass
class MetricFeed:
    """The campaign's metrics, written step by step and read with CloudWatch's delay.

    Attributes:
        counts: the kernel's, one row a step.
        samples: the endpoint once a minute, from minute 0.
    """

    counts: FloatArray
    delays: MetricDelays
    samples: list[EndpointSample] = field(default_factory=list)

    def series(self, stat: MetricStat, start: float, length: int, now: float) -> TimeSeries:
        """``length`` datapoints of ``stat``, the first at ``start``, as CloudWatch has them at ``now``.

        Raises:
            UnknownMetricError: the planner does not play the metric or the statistic.
        """
        check_metric(stat)
        seen = now - self.delays.of(stat.namespace)
        values = (self._value(stat, start + index * stat.period, seen) for index in range(length))
        return TimeSeries(tuple(values), stat.period)

    def _value(self, stat: MetricStat, start: float, seen: float) -> float | None:
        key = (stat.namespace, stat.name)
        end = min(start + stat.period, seen)
        if start < 0 or end <= start:
            return None
        summary = _Summary()
        if key in _COUNTERS or key == _LATENCY:
            self._add_steps(summary, key, int(start // STEP), int(end // STEP))
        else:
            for minute in range(int(start // MINUTE), int(end // MINUTE)):
                if minute >= len(self.samples):
                    continue
                if key == _INVOCATIONS:
                    self._add_invocations(summary, minute)
                else:
                    _add_sample(summary, stat.name, self.samples[minute])
        return summary.statistic(stat.stat)

    def _add_steps(self, summary: _Summary, key: tuple[str, str], first: int, last: int) -> None:
        if key == _LATENCY:
            for count, total in self.counts[first:last, [COMPLETED, LATENCY]].tolist():
                if count:
                    summary.add(count, total, total / count, total / count)
            return
        events = float(self.counts[first:last, list(_COUNTERS[key])].sum())
        if events:
            summary.add(events, events, 1.0, 1.0)

    def _add_invocations(self, summary: _Summary, minute: int) -> None:
        """A minute's calls, each of value 1 / instances."""
        steps = MINUTE // STEP
        calls = float(self.counts[minute * steps : (minute + 1) * steps, STARTED].sum())
        instances = self.samples[minute].instances
        if calls and instances:
            summary.add(calls, calls / instances, 1 / instances, 1 / instances)


def _add_sample(summary: _Summary, name: str, sample: EndpointSample) -> None:
    match name:
        case "CPUUtilization":
            # One sample an instance, so that SampleCount is the number of instances.
            if sample.instances:
                percent = 100 * sample.busy
                summary.add(sample.instances, percent * sample.instances, percent, percent)
            return
        case "ApproximateBacklogSize":
            value = float(sample.backlog)
        case "ApproximateBacklogSizePerInstance":
            if not sample.instances:
                return
            value = sample.backlog / sample.instances
        case "ApproximateAgeOfOldestRequest":
            value = sample.oldest_age
        case _:
            value = float(sample.waiting > 0 and sample.instances == 0)
    summary.add(1, value, value, value)


_GAUGES = {
    (HOST, "CPUUtilization"),
    (ENDPOINT, "ApproximateBacklogSize"),
    (ENDPOINT, "ApproximateBacklogSizePerInstance"),
    (ENDPOINT, "ApproximateAgeOfOldestRequest"),
    (ENDPOINT, "HasBacklogWithoutCapacity"),
}


def check_metric(stat: MetricStat) -> None:
    """Raise UnknownMetricError unless the planner plays the metric in that statistic and period."""
    known = {*_COUNTERS, _LATENCY, _INVOCATIONS, *_GAUGES}
    if (stat.namespace, stat.name) not in known:
        names = ", ".join(sorted(f"{namespace} {name}" for namespace, name in known))
        raise UnknownMetricError(
            f"a policy reads {stat.namespace} {stat.name}, which the planner does not play; it plays {names}"
        )
    if stat.stat.startswith("p"):
        raise UnknownMetricError(
            f"a policy reads the percentile {stat.stat} of {stat.name}: the planner plays "
            "SampleCount, Sum, Average, Minimum and Maximum"
        )
    if stat.period % STEP:
        raise UnknownMetricError(
            f"a policy reads {stat.name} every {stat.period} s: the planner's steps are {STEP} s"
        )
