"""Random arrivals from rates: Poisson, or burstier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darkroom.planner.problem import PlanError
from darkroom.planner.queue_kernel import FloatArray


@dataclass(frozen=True)
class Burstiness:
    """Rates that are multiplied by random noise of mean 1, gamma distributed.

    Attributes:
        variation: standard deviation of the noise; 0 is a Poisson process.
        seconds: how long one value of the noise holds.
    """

    variation: float = 0.0
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.variation < 0 or self.seconds <= 0:
            raise PlanError(
                f"burstiness: variation {self.variation:g} over {self.seconds:g} s: "
                "give a variation of at least 0 and more than 0 seconds"
            )


def modulate(
    rates: FloatArray, step: float, burstiness: Burstiness, random: np.random.Generator
) -> FloatArray:
    """``rates``, one for each ``step`` seconds, with the noise of ``burstiness``."""
    if burstiness.variation == 0:
        return rates
    shape = 1 / burstiness.variation**2
    held = max(1, round(burstiness.seconds / step))
    noise = random.gamma(shape, 1 / shape, size=-(-len(rates) // held))
    return rates * np.repeat(noise, held)[: len(rates)]


def poisson_arrivals(rates: FloatArray, step: float, random: np.random.Generator) -> FloatArray:
    """Arrival times of a Poisson process whose rate is ``rates``, one a second for each ``step`` seconds.

    A unit-rate process, stretched by the inverse of the cumulated rate (the time-rescaling theorem):
    already in order, so nothing is sorted.
    """
    expected = np.concatenate(([0.0], np.cumsum(rates * step)))
    total = float(expected[-1])
    # Six standard deviations more gaps than expected; what lies beyond the end is cut off.
    gaps = random.standard_exponential(int(total + 6 * total**0.5 + 50))
    positions = np.cumsum(gaps, out=gaps)
    positions = positions[: np.searchsorted(positions, total)]
    edges = np.arange(len(expected)) * step
    arrivals: FloatArray = np.interp(positions, expected, edges)
    return arrivals
