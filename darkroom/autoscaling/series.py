"""Time series on one grid of timestamps, the values that metric math works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class TimeSeries:
    """Values one ``period`` apart, oldest first; ``None`` where there is no datapoint.

    All series of one evaluation share their first timestamp, their length and their period, so a
    position stands for the same moment in each.

    Attributes:
        values: one entry a period; ``None`` means missing, which is not zero.
        period: seconds between neighbours.
    """

    values: tuple[float | None, ...]
    period: int

    def __len__(self) -> int:
        return len(self.values)

    def existing(self) -> Iterator[float]:
        """The values of the datapoints that exist, oldest first."""
        return (value for value in self.values if value is not None)

    def latest(self) -> float | None:
        """The newest datapoint that exists, or None when there is none."""
        return next((value for value in reversed(self.values) if value is not None), None)

    def aligned_with(self, other: TimeSeries) -> bool:
        """Whether both stand on the same grid, so that positions mean the same moments."""
        return self.period == other.period and len(self) == len(other)
