"""CloudWatch statistics over the samples of one period.

Source: Amazon CloudWatch User Guide, "CloudWatch statistics definitions"
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html), and the
PutMetricData reference for statistic sets. How CloudWatch interpolates a percentile is not
published: it is modelled as linear interpolation between the two nearest samples.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SIMPLE_STATISTICS = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100(?:\.0+)?)")


@dataclass
class Samples:
    """The samples of one metric in one period, added up as they come.

    Attributes:
        count: how many samples, with their weights.
        total: their sum.
        minimum, maximum: meaningful when ``count`` is above 0.
        values: how often each value came, for percentiles.
        exact: False once a statistic set with more than one distinct value was added: its single
            values are unknown, and so are percentiles from then on.
    """

    count: float = 0.0
    total: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    values: dict[float, float] = field(default_factory=dict)
    exact: bool = True

    def add(self, value: float, count: float = 1.0) -> None:
        """Add ``count`` samples of ``value``."""
        self._widen(value, value)
        self.count += count
        self.total += value * count
        self.values[value] = self.values.get(value, 0.0) + count

    def add_statistic_set(self, count: float, total: float, minimum: float, maximum: float) -> None:
        """Add a statistic set, whose single values nobody knows.

        "Percentile statistics are not available for statistic sets, unless SampleCount is 1, or Min
        and Max are equal" (PutMetricData reference).
        """
        if count == 1 or minimum == maximum:
            self.add(total / count, count)
            return
        self._widen(minimum, maximum)
        self.count += count
        self.total += total
        self.exact = False

    def merge(self, other: Samples) -> None:
        """Add everything that ``other`` holds."""
        if other.count == 0:
            return
        self._widen(other.minimum, other.maximum)
        self.count += other.count
        self.total += other.total
        for value, count in other.values.items():
            self.values[value] = self.values.get(value, 0.0) + count
        self.exact = self.exact and other.exact

    def _widen(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum if self.count == 0 else min(self.minimum, minimum)
        self.maximum = maximum if self.count == 0 else max(self.maximum, maximum)

    def statistic(self, name: str) -> float | None:
        """The statistic ``name``, or None when there are no samples to take it from.

        Raises:
            ValueError: ``name`` is no supported statistic.
        """
        check_statistic(name)
        if self.count == 0:
            return None
        if name.startswith("p"):
            return self._percentile(float(name[1:])) if self.exact else None
        return {
            "SampleCount": self.count,
            "Sum": self.total,
            "Average": self.total / self.count,
            "Minimum": self.minimum,
            "Maximum": self.maximum,
        }[name]

    def _percentile(self, percent: float) -> float:
        position = percent / 100 * (self.count - 1)
        ordered = sorted(self.values.items())
        return _interpolated(ordered, position)


def _interpolated(ordered: list[tuple[float, float]], position: float) -> float:
    """The value at ``position``, counted from 0, among sorted (value, count) pairs."""
    before = 0.0
    for index, (value, count) in enumerate(ordered):
        last = before + count - 1
        if position <= last or index == len(ordered) - 1:
            return value
        following = ordered[index + 1][0]
        if position < last + 1:
            return value + (following - value) * (position - last)
        before += count
    raise ValueError("there is no percentile of no samples")


def check_statistic(name: str) -> None:
    """Raise ValueError unless ``name`` is a statistic that can be computed here."""
    if name not in SIMPLE_STATISTICS and not _PERCENTILE.fullmatch(name):
        raise ValueError(
            f"the statistic {name!r} is not supported: use one of {', '.join(SIMPLE_STATISTICS)}, "
            "or a percentile such as p99 or p99.9"
        )
