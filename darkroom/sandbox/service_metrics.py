"""The metrics that AWS services emit about themselves, gathered and put once a minute.

A call to the metric store for each request would cost more than the request; AWS, too, publishes
these metrics a minute at a time.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass

from moto.cloudwatch.models import cloudwatch_backends

from darkroom.sandbox.context import Context
from darkroom.sandbox.moments import moto_datetime_of

_PERIOD_SECONDS = 60.0


@dataclass(frozen=True)
class Metric:
    """A metric's identity: where it is kept, and its name, dimensions and unit."""

    account_id: str
    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str


class ServiceMetrics:
    """Counts samples by metric and minute until they are put to CloudWatch.

    Samples are kept as values with counts, not as statistics, so that percentiles work.
    """

    def __init__(self, context: Context) -> None:
        self._clock = context.clock
        self._lock = threading.Lock()
        self._samples: dict[tuple[Metric, float], Counter[float]] = defaultdict(Counter)
        context.every(_PERIOD_SECONDS, self.publish)

    def add(self, metric: Metric, value: float) -> None:
        """Record one sample now."""
        minute = self._clock.now() // _PERIOD_SECONDS * _PERIOD_SECONDS
        with self._lock:
            self._samples[metric, minute][value] += 1

    def publish(self, moment: float) -> None:
        """Put the samples of every minute that ended by ``moment`` (sandbox seconds)."""
        with self._lock:
            ended = [key for key in self._samples if key[1] + _PERIOD_SECONDS <= moment]
            samples = [(key, self._samples.pop(key)) for key in ended]
        for (metric, minute), values in samples:
            cloudwatch_backends[metric.account_id][metric.region].put_metric_data(
                metric.namespace,
                [
                    {
                        "MetricName": metric.name,
                        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                        "Timestamp": moto_datetime_of(minute),
                        "Unit": metric.unit,
                        "Values": list(values),
                        "Counts": list(values.values()),
                    }
                ],
            )
