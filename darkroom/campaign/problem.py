"""One mistake in a campaign file, told to the person who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST_VALUE_SHOWN = 80

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong, where, and what would be right.

    Attributes:
        path: the field, as keys and list positions; empty for the file as a whole.
        value: what the file says; ``MISSING`` where it says nothing.
        rule: the rule that it breaks, and where the rule comes from.
        expected: what would be right.
        file: the campaign file.
        line: the line in it, counted from 1, where that is known.
        involves: other fields that the rule looked at; a rule is not reported while one of these
            is broken itself.
    """

    path: FieldPath
    value: object
    rule: str
    expected: str
    file: Path | None = None
    line: int | None = None
    involves: tuple[FieldPath, ...] = ()

    def __str__(self) -> str:
        place = str(self.file) if self.file else "campaign"
        if self.line is not None:
            place += f":{self.line}"
        subject = dotted(self.path)
        if self.value is not MISSING:
            subject = f"{subject} = {shown(self.value)}" if subject else shown(self.value)
        return f"{place}: {subject}\n    rule:     {self.rule}\n    expected: {self.expected}"


class _Missing:
    """The value of a field that is not there."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


class CampaignError(Exception):
    """Every problem of every campaign file read. ``str()`` of it is the list to print."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = f"{count} problem{'s' if count != 1 else ''} in the campaign files; nothing was synthesized"
        super().__init__("\n".join([heading, *map(str, self.problems)]))


def dotted(path: FieldPath) -> str:
    """``("scaling", "schedule", 0, "cron")`` as ``scaling.schedule[0].cron``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(value: object) -> str:
    """A value as the message shows it, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE_SHOWN else text[: LONGEST_VALUE_SHOWN - 3] + "..."


def one_of(names: Sequence[str], given: object) -> str:
    """What would be right where a name must be one of some: the nearest, if any, then all."""
    listed = f"one of {', '.join(names)}" if names else "there are none to choose from"
    near = difflib.get_close_matches(str(given), names, n=1)
    return f"did you mean {near[0]}? {listed}" if near else listed
