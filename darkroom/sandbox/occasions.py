"""How often a fault happens: to the next n occasions, or to each with a probability, out of a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

_FIELDS = frozenset({"probability", "seed", "count"})


class Occasions:
    """The occasions to which a fault still comes.

    Whether the n-th occasion is hit depends on the seed and n alone, so a run whose occasions come in the
    same order repeats.

    Args:
        count: how many more are hit; None for no end.
        probability: of one being hit.
    """

    def __init__(self, count: int | None = 0, probability: float = 1.0, seed: int = 0) -> None:
        self.count = count
        self.probability = probability
        self.seed = seed
        self.hit = 0
        self._random = random.Random(seed)  # noqa: S311 - not a secret

    def take(self) -> bool:
        """Whether this occasion is hit; one that is counts."""
        if self.count == 0 or (self.probability < 1 and self._random.random() >= self.probability):
            return False
        self.count = None if self.count is None else self.count - 1
        self.hit += 1
        return True

    def shown(self) -> int | dict[str, Any]:
        """As it was ordered, with what is left of it."""
        if self.probability == 1 and self.count is not None:
            return self.count
        return {
            "probability": self.probability,
            "seed": self.seed,
            **({} if self.count is None else {"count": self.count}),
            "hit": self.hit,
        }

    @classmethod
    def parse(cls, name: str, value: Any) -> Occasions:
        """A number, or {"probability": p, "seed": s, "count": at most}.

        Raises:
            ValueError: it is neither.
        """
        if is_count(value):
            return cls(value)
        if not isinstance(value, Mapping) or not value.keys() <= _FIELDS or "probability" not in value:
            raise ValueError(
                f'{name} is {value!r}: give how many (0 or more), or {{"probability": 0.1, "seed": 1}} '
                'and, if it is to end, "count"'
            )
        probability, seed, count = value["probability"], value.get("seed", 0), value.get("count")
        if isinstance(probability, bool) or not isinstance(probability, int | float):
            raise ValueError(f"{name}: probability is {probability!r} and must be a number from 0 to 1")
        if not 0 <= probability <= 1:
            raise ValueError(f"{name}: probability is {probability!r} and must be from 0 to 1")
        if not is_count(seed) or not (count is None or is_count(count)):
            raise ValueError(f"{name}: seed and count must be whole numbers, 0 or more")
        return cls(count, float(probability), seed)


def is_count(value: Any) -> bool:
    """A whole number, 0 or more; True is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
