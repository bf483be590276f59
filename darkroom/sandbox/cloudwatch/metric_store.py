"""Where metrics are kept: added up by minute, and by second for high-resolution metrics.

Retention is AWS's (CloudWatch User Guide, "Metrics retention"): datapoints of less than 60 seconds
for 3 hours, of a minute for 15 days.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.autoscaling.metric_query import MetricStat
from darkroom.autoscaling.series import TimeSeries
from darkroom.autoscaling.statistics import Samples

_MINUTE = 60
_SECONDS_KEPT = 3 * 3600
_MINUTES_KEPT = 15 * 24 * 3600


@dataclass(frozen=True)
class MetricKey:
    """A metric is its namespace, its name and all of its dimensions (sorted pairs)."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


@dataclass
class _Buckets:
    """One metric in one unit: samples by the second at which their bucket starts."""

    minutes: dict[int, Samples] = field(default_factory=lambda: defaultdict(Samples))
    seconds: dict[int, Samples] = field(default_factory=lambda: defaultdict(Samples))

    def at(self, moment: float, high_resolution: bool) -> Iterator[Samples]:
        """The buckets that a sample at ``moment`` is added to."""
        yield self.minutes[int(moment // _MINUTE) * _MINUTE]
        if high_resolution:
            yield self.seconds[int(moment)]

    def between(self, start: float, end: float, period: int) -> Iterator[Samples]:
        """The buckets that lie in [start, end).

        A standard-resolution sample stands at the start of its minute, for shorter periods as well.
        """
        step, buckets = (1, self.seconds) if period % _MINUTE and self.seconds else (_MINUTE, self.minutes)
        first = -(-int(start) // step) * step
        for moment in range(first, int(end), step):
            if moment in buckets:
                yield buckets[moment]

    def prune(self, now: float) -> None:
        for buckets, kept in ((self.minutes, _MINUTES_KEPT), (self.seconds, _SECONDS_KEPT)):
            for moment in [moment for moment in buckets if moment < now - kept]:
                del buckets[moment]


class MetricStore:
    """All metrics of one account and region. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._metrics: dict[MetricKey, dict[str, _Buckets]] = {}

    def put(self, namespace: str, datum: Mapping[str, Any], moment: float) -> None:
        """Add one MetricDatum of PutMetricData, whose form has been checked, at ``moment`` (seconds)."""
        dimensions = ((entry["Name"], entry["Value"]) for entry in datum.get("Dimensions") or ())
        key = MetricKey(namespace, datum["MetricName"], tuple(sorted(dimensions)))
        unit = datum.get("Unit") or "None"
        with self._lock:
            buckets = self._metrics.setdefault(key, {}).setdefault(unit, _Buckets())
            for samples in buckets.at(moment, int(datum.get("StorageResolution") or _MINUTE) < _MINUTE):
                _add(samples, datum)

    def keys(self) -> list[MetricKey]:
        """Every metric that has had a datapoint."""
        with self._lock:
            return list(self._metrics)

    def samples(self, stat: MetricStat, start: float, end: float) -> Samples:
        """What the metric of ``stat`` recorded in [start, end), in its unit or, without one, in any."""
        total = Samples()
        with self._lock:
            units = self._metrics.get(MetricKey(stat.namespace, stat.name, stat.dimensions), {})
            for unit, buckets in units.items():
                if stat.unit in (None, unit):
                    for samples in buckets.between(start, end, stat.period):
                        total.merge(samples)
        return total

    def unit(self, key: MetricKey) -> str:
        """The unit that the metric was first put with; ``None`` (the word) when it has none."""
        with self._lock:
            return next(iter(self._metrics.get(key, {})), "None")

    def series(self, stat: MetricStat, start: float, length: int) -> TimeSeries:
        """``length`` datapoints of ``stat``, one its period apart, the first at ``start``."""
        starts = (start + index * stat.period for index in range(length))
        values = (self.samples(stat, moment, moment + stat.period).statistic(stat.stat) for moment in starts)
        return TimeSeries(tuple(values), stat.period)

    def prune(self, now: float) -> None:
        """Drop what is older than CloudWatch keeps it."""
        with self._lock:
            for units in self._metrics.values():
                for buckets in units.values():
                    buckets.prune(now)


def _add(samples: Samples, datum: Mapping[str, Any]) -> None:
    if datum.get("Values"):
        counts = datum.get("Counts") or [1.0] * len(datum["Values"])
        for value, count in zip(datum["Values"], counts, strict=True):
            samples.add(float(value), float(count))
    elif statistics := datum.get("StatisticValues"):
        samples.add_statistic_set(
            count=float(statistics["SampleCount"]),
            total=float(statistics["Sum"]),
            minimum=float(statistics["Minimum"]),
            maximum=float(statistics["Maximum"]),
        )
    else:
        samples.add(float(datum["Value"]))
