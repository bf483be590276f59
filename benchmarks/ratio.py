"""Timing two things in turn, so that a machine whose speed drifts slows both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """One measured ratio.

    Attributes:
        name: what is compared with what.
        seconds: median wall seconds of the thing.
        base_seconds: median wall seconds of what it is compared with.
        ratio: the median of the pairwise ratios.
        spread: the 10th and the 90th percentile of the pairwise ratios.
        goal: the ratio it should not exceed; None where it is only for comparison.
        rounds: how many pairs were timed.
        unit: of what was measured; seconds and base_seconds are MiB where it is memory.
    """

    name: str
    seconds: float
    base_seconds: float
    ratio: float
    spread: tuple[float, float]
    goal: float | None
    rounds: int
    unit: str = "s"


def measure(
    name: str,
    thing: Callable[[], object],
    base: Callable[[], object],
    *,
    goal: float,
    rounds: int,
    warm_up: int,
) -> Ratio:
    """Time ``thing`` and ``base`` in turn, ``rounds`` times each after ``warm_up`` rounds not counted."""
    for _ in range(warm_up):
        thing()
        base()
    pairs = [(_seconds(thing), _seconds(base)) for _ in range(rounds)]
    return from_pairs(name, pairs, goal=goal)


def from_pairs(
    name: str, pairs: Sequence[tuple[float, float]], *, goal: float | None, unit: str = "s"
) -> Ratio:
    """The ratio of pairs (seconds or MiB of the thing, those of the base)."""
    ratios = sorted(thing / base for thing, base in pairs)
    last = len(ratios) - 1
    return Ratio(
        name=name,
        seconds=statistics.median(thing for thing, _ in pairs),
        base_seconds=statistics.median(base for _, base in pairs),
        ratio=statistics.median(ratios),
        spread=(ratios[round(last * 0.1)], ratios[round(last * 0.9)]),
        goal=goal,
        rounds=len(pairs),
        unit=unit,
    )


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
