"""From the planner's traffic to requests: when each is due, and its body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from darkroom.planner.traffic import Traffic

_SUBJECTS = (
    "a fox",
    "a harbour",
    "a lantern",
    "a bicycle",
    "an orchard",
    "a lighthouse",
    "a comet",
    "a tram",
)
_MANNERS = ("at dawn", "in the rain", "seen from above", "as a woodcut", "in winter", "under neon light")


@dataclass(frozen=True)
class Arrival:
    """A request to make.

    Attributes:
        at: seconds from the beginning, by the campaign's clock.
        body: of POST /v1/images; it names a prompt and nothing else, so the campaign's own sizes, steps and
            guidance are drawn.
    """

    at: float
    body: bytes


def first_seconds(traffic: Traffic, seconds: float | None) -> Traffic:
    """The beginning of ``traffic``; all of it for None."""
    if seconds is None or seconds >= traffic.seconds:
        return traffic
    count = int(np.searchsorted(traffic.arrivals, seconds))
    return replace(
        traffic, seconds=seconds, arrivals=traffic.arrivals[:count], prompts=traffic.prompts[:count]
    )


def arrivals_of(traffic: Traffic, run: str) -> Iterator[Arrival]:
    """The requests of ``traffic`` in order.

    Args:
        run: part of every prompt: another run asks for other pictures, so that its cache is empty at the
            beginning as the planner's is.
    """
    for index, (at, number) in enumerate(zip(traffic.arrivals, traffic.prompts, strict=True)):
        which = f"number {number}" if number >= 0 else f"single {index}"
        yield Arrival(float(at), json.dumps({"prompt": _prompt(which, int(number), run)}).encode())


def _prompt(which: str, number: int, run: str) -> str:
    subject, manner = _SUBJECTS[number % len(_SUBJECTS)], _MANNERS[number // 8 % len(_MANNERS)]
    return f"{subject} {manner}, {which} of load {run}"
