"""Wildcards as IAM has them: ``*`` for any text, ``?`` for one character.

IAM user guide, "IAM JSON policy elements: Resource" and "Condition operators" (ARNs).
"""

from __future__ import annotations

import re
from functools import lru_cache


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of ``text`` is what ``pattern`` describes."""
    return _expression(pattern).fullmatch(text) is not None


def action_matches(pattern: str, action: str) -> bool:
    """The same for actions, whose case does not matter."""
    return matches(pattern.lower(), action.lower())


def arn_matches(pattern: str, arn: str) -> bool:
    """ArnLike: each of the six parts matched by itself."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(matches, patterns, parts))


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)
