"""The rule of a composite alarm, read and evaluated.

PutCompositeAlarm reference, AlarmRule: ``ALARM(name)``, ``OK(name)``, ``INSUFFICIENT_DATA(name)``, ``TRUE``,
``FALSE``, joined with AND, OR and NOT and in parentheses; a name or an ARN, in double quotes where it has
other characters than a word's. AND binds before OR. ``AT_LEAST`` is not played.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
_TOKEN = re.compile(r'\s*(?:(\()|(\))|"([^"]+)"|([^\s()"]+))')
_MOST_CHARACTERS = 10_240


@dataclass(frozen=True)
class InState:
    """Whether an alarm is in a state."""

    state: str
    alarm: str


@dataclass(frozen=True)
class Constant:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True)
class Not:
    """The opposite."""

    rule: Rule


@dataclass(frozen=True)
class Joined:
    """All of (AND) or any of (OR) several rules."""

    operator: str
    rules: tuple[Rule, ...]


Rule = InState | Constant | Not | Joined


def parse_rule(text: str) -> Rule:
    """Read a rule.

    Raises:
        ValueError: it is none; says where it stops making sense.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"the rule has {len(text)} characters; {_MOST_CHARACTERS} are the most")
    reader = _Reader(text)
    rule = reader.any_of()
    if reader.ahead() is not None:
        raise ValueError(f"the rule goes on with {reader.ahead()!r} where it should end")
    return rule


def holds(rule: Rule, states: Mapping[str, str]) -> bool:
    """Whether ``rule`` is true of alarms in ``states``; one that is gone is in none."""
    match rule:
        case InState(state, alarm):
            return states.get(alarm) == state
        case Constant(value):
            return value
        case Not(inner):
            return not holds(inner, states)
        case Joined("AND", rules):
            return all(holds(one, states) for one in rules)
        case Joined(_, rules):
            return any(holds(one, states) for one in rules)


def alarms_of(rule: Rule) -> list[str]:
    """The names of the alarms in a rule, in its order."""
    match rule:
        case InState(_, alarm):
            return [alarm]
        case Not(inner):
            return alarms_of(inner)
        case Joined(_, rules):
            return [name for one in rules for name in alarms_of(one)]
        case _:
            return []


def alarm_name(text: str) -> str:
    """The name in an alarm's ARN, or the name itself."""
    return text.split(":alarm:", 1)[1] if text.startswith("arn:") and ":alarm:" in text else text


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, bool]] = []  # the text, and whether it was quoted
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueError(f"the rule can't be read from {text[position : position + 20]!r} on")
            quoted = match[3] is not None
            self._tokens.append((next(part for part in match.groups() if part is not None), quoted))
            position = match.end()

    def ahead(self) -> str | None:
        return self._tokens[0][0] if self._tokens else None

    def any_of(self) -> Rule:
        return self._joined("OR", self._all_of)

    def _all_of(self) -> Rule:
        return self._joined("AND", self._one)

    def _joined(self, operator: str, part: Callable[[], Rule]) -> Rule:
        rules = [part()]
        while self._tokens and self._tokens[0] == (operator, False):
            self._tokens.pop(0)
            rules.append(part())
        return rules[0] if len(rules) == 1 else Joined(operator, tuple(rules))

    def _one(self) -> Rule:
        word = self._take()
        if word == "NOT":
            return Not(self._one())
        if word == "(":
            rule = self.any_of()
            self._expect(")")
            return rule
        if word in ("TRUE", "FALSE"):
            return Constant(word == "TRUE")
        if word in _STATES:
            self._expect("(")
            name = self._take()
            self._expect(")")
            return InState(word, alarm_name(name))
        raise ValueError(
            f"the rule has {word!r} where one of {', '.join(_STATES)}, NOT, TRUE, FALSE or ( is due"
        )

    def _take(self) -> str:
        if not self._tokens:
            raise ValueError("the rule ends too early")
        return self._tokens.pop(0)[0]

    def _expect(self, token: str) -> None:
        found = self._take()
        if found != token:
            raise ValueError(f"the rule has {found!r} where {token!r} is due")
