"""What a plan has to hold: ``p95 < 9.7s``, or several such claims."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from darkroom.planner.problem import PlanError
from darkroom.planner.summary import Summary

_CLAIM = re.compile(r"\s*([a-z0-9-]+)\s*<\s*([0-9]*\.?[0-9]+)\s*(s|m|min|%)?\s*")

_SECONDS: Mapping[str, Callable[[Summary], float]] = {
    "p50": lambda one: one.wait.p50,
    "p95": lambda one: one.wait.p95,
    "p99": lambda one: one.wait.p99,
    "max": lambda one: one.wait.maximum,
    "drawn-p50": lambda one: one.wait_of_misses.p50,
    "drawn-p95": lambda one: one.wait_of_misses.p95,
    "drawn-p99": lambda one: one.wait_of_misses.p99,
}
_SHARES: Mapping[str, Callable[[Summary], float]] = {
    "over-goal": lambda one: one.over_goal,
    "expired": lambda one: one.expired_share,
}


@dataclass(frozen=True)
class _Claim:
    measure: Callable[[Summary], float]
    limit: float


@dataclass(frozen=True)
class Objective:
    """Claims on a plan's figures, all to hold at once."""

    text: str
    claims: tuple[_Claim, ...]

    def excess(self, summary: Summary) -> float:
        """How far the worst claim is from holding, as a multiple of its limit less 1; at most 0 holds."""
        return max(claim.measure(summary) / claim.limit - 1 for claim in self.claims)

    def holds(self, summary: Summary) -> bool:
        """Whether every figure is below its limit."""
        return all(claim.measure(summary) < claim.limit for claim in self.claims)


def parse_objective(text: str) -> Objective:
    """Read ``p95 < 9.7s`` or, with commas, several: ``p95 < 9.7s, expired < 0.1%``.

    Raises:
        PlanError: it is none.
    """
    return Objective(text, tuple(_parse_claim(part) for part in text.split(",")))


def _parse_claim(text: str) -> _Claim:
    match = _CLAIM.fullmatch(text)
    if match is not None and float(match[2]) > 0:
        name, value, unit = match[1], float(match[2]), match[3]
        if name in _SECONDS and unit in ("s", "m", "min"):
            return _Claim(_SECONDS[name], value if unit == "s" else value * 60)
        if name in _SHARES and unit == "%":
            return _Claim(_SHARES[name], value / 100)
    raise PlanError(
        f"{text.strip()!r} is no objective: write a wait ({', '.join(_SECONDS)}) below a time, such as "
        f"p95 < 9.7s, or a share ({', '.join(_SHARES)}) below a percentage, such as expired < 0.1%"
    )
