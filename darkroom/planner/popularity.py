"""Which prompt a request asks for: a few that everybody wants, many that few want, some of one's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from darkroom.planner.problem import PlanError

UNIQUE = -1
"""The prompt of a request that nobody else makes."""


@dataclass(frozen=True)
class Popularity:
    """A share of prompts that come once, and a catalogue by Zipf's law for the others.

    Attributes:
        distinct: prompts in the catalogue.
        exponent: the k-th is asked for in proportion to k ** -exponent; 0 makes all alike.
        unique_share: share of the requests with a prompt of their own, which no cache can answer.
    """

    distinct: int = 10_000
    exponent: float = 1.0
    unique_share: float = 0.3

    def __post_init__(self) -> None:
        if self.distinct < 1 or self.exponent < 0 or not 0 <= self.unique_share <= 1:
            raise PlanError(
                f"prompts: distinct {self.distinct}, exponent {self.exponent:g}, unique share "
                f"{self.unique_share:g}: give distinct >= 1, exponent >= 0 and a share from 0 to 1"
            )

    def draw(self, count: int, random: np.random.Generator) -> NDArray[np.int32]:
        """The prompts of ``count`` requests: numbers from 0, or UNIQUE."""
        if self.unique_share == 1:
            return np.full(count, UNIQUE, dtype=np.int32)
        weights = np.arange(1, self.distinct + 1, dtype=np.float64) ** -self.exponent
        upper = np.cumsum(weights)
        # One number decides both: below the unique share, a prompt of its own; above it, which other.
        draw = (random.random(count) - self.unique_share) / (1 - self.unique_share)
        found = np.searchsorted(upper, draw * upper[-1], side="right")
        prompts: NDArray[np.int32] = found.astype(np.int32)
        np.minimum(prompts, self.distinct - 1, out=prompts)
        prompts[draw < 0] = UNIQUE
        return prompts


EVERY_PROMPT_ITS_OWN = Popularity(distinct=1, unique_share=1.0)


def parse_popularity(text: str) -> Popularity:
    """A popularity as the command line has it: ``10000,1,0.3``.

    Raises:
        PlanError: it is none.
    """
    parts = text.split(",")
    try:
        distinct, exponent, unique_share = int(parts[0]), float(parts[1]), float(parts[2])
    except (ValueError, IndexError):
        raise PlanError(
            f"{text!r} is no popularity: write distinct prompts, Zipf exponent and share of unique ones, "
            "such as 10000,1,0.3"
        ) from None
    return Popularity(distinct, exponent, unique_share)
