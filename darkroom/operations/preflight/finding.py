"""What a check found, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from darkroom.operations.preflight.situation import Situation


class State(StrEnum):
    """How a finding stands to the deployment."""

    OK = "ok"
    WARNING = "warning"
    """It would go through, and somebody should know this first."""
    PROBLEM = "problem"
    """It would fail, or not do what the campaign says."""


@dataclass(frozen=True)
class Finding:
    """One line of the answer.

    Attributes:
        subject: what was looked at.
        found: what is there.
        do: what to do about it; empty when nothing is to be done.
    """

    state: State
    subject: str
    found: str
    do: str = ""


Check = Callable[[Situation], Iterator[Finding]]


def ok(subject: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(State.OK, subject, found)


def warning(subject: str, found: str, do: str) -> Finding:
    """Worth knowing."""
    return Finding(State.WARNING, subject, found, do)


def problem(subject: str, found: str, do: str) -> Finding:
    """In the way."""
    return Finding(State.PROBLEM, subject, found, do)
