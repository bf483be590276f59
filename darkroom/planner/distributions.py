"""How long a picture takes and how long an instance takes to start, as distributions."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from darkroom.planner.problem import PlanError


@dataclass(frozen=True)
class ServiceTime:
    """Seconds that a worker draws one picture.

    Attributes:
        mean: seconds.
        variation: standard deviation over mean. Denoising does the same work for every prompt, so it is
            small; the published tables give one number each.
        measured: seconds of measured pictures, drawn from instead, if there are any.
        source: who says so.
    """

    mean: float
    variation: float = 0.05
    measured: tuple[float, ...] = ()
    source: str = ""

    def draw(self, count: int, random: np.random.Generator) -> NDArray[np.float32]:
        """``count`` service times: measured ones with replacement, else gamma with mean and variation."""
        if self.measured:
            return random.choice(np.asarray(self.measured, dtype=np.float32), count)
        if self.variation == 0:
            return np.full(count, self.mean, dtype=np.float32)
        shape = 1 / self.variation**2
        return random.standard_gamma(shape, count, dtype=np.float32) * np.float32(self.mean / shape)


def read_service_time(file: Path) -> ServiceTime:
    """Service times from a benchmark's JSON: ``{"seconds": [1.52, 1.55, ...]}``, one entry a picture.

    Raises:
        PlanError: the file is no such thing.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PlanError(f"{file}: {error}") from None
    seconds = content.get("seconds") if isinstance(content, dict) else None
    if not isinstance(seconds, list) or not seconds or not all(_is_duration(value) for value in seconds):
        raise PlanError(
            f'{file}: a benchmark is {{"seconds": [1.52, 1.55, ...]}}, the positive seconds of each picture'
        )
    measured = tuple(float(value) for value in seconds)
    return ServiceTime(sum(measured) / len(measured), 0.0, measured, f"measured, {file.name}")


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


@dataclass(frozen=True)
class StartUp:
    """Seconds from an instance's launch until it draws: a triangle.

    AWS publishes nothing for Inferentia2. 426 s was reported for an asynchronous fleet and 258 to 525 s
    for GPU types, so the default spans four to nine minutes around that.
    """

    shortest: float = 240.0
    likeliest: float = 426.0
    longest: float = 540.0

    def __post_init__(self) -> None:
        if not 0 <= self.shortest <= self.likeliest <= self.longest < math.inf:
            raise PlanError(
                f"start-up times {self.shortest:g}, {self.likeliest:g}, {self.longest:g}: "
                "give shortest <= likeliest <= longest, in seconds"
            )

    def draw(self, random: np.random.Generator) -> float:
        """One start-up time."""
        if self.shortest == self.longest:
            return self.shortest
        return float(random.triangular(self.shortest, self.likeliest, self.longest))


def parse_start_up(text: str) -> StartUp:
    """A start-up time as the command line has it: ``426``, ``240-540`` or ``240-426-540`` (seconds).

    Raises:
        PlanError: it is none.
    """
    try:
        values = [float(part) for part in text.split("-")]
    except ValueError:
        values = []
    match values:
        case [always]:
            return StartUp(always, always, always)
        case [shortest, longest]:
            return StartUp(shortest, (shortest + longest) / 2, longest)
        case [shortest, likeliest, longest]:
            return StartUp(shortest, likeliest, longest)
    raise PlanError(f"{text!r} is no start-up time: write seconds, such as 426, 240-540 or 240-426-540")
