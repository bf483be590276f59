"""How much work a regular expression may be at worst, before anybody sends the text that makes it so.

Python's engine backtracks: where the rest does not match it goes back and tries every other way in which a
part could have. So the work is bounded by the ways that a part can match in, times the work of what follows:

    ways(ab) = ways(a) ways(b)                  work(ab) = work(a) + ways(a) work(b)
    ways(a|b) = ways(a) + ways(b)               work(a|b) = work(a) + work(b)
    ways(a{m,n}) = sum of ways(a)^k, k = m..n   work(a{m,n}) = work(a) times the sum of ways(a)^k, k < n
    ways((?>a)) = ways of a lookaround = 1      their work is a's

A repeat without end ends with the text. A search begins anew at each character. The bound is sound and not
tight: nested repeats, and alternatives within one, are exponential in it, as they can be in the engine.
"""

from __future__ import annotations

import math
import re._constants as code  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterable
from typing import Any

LONGEST = 2000
"""Characters of a prompt as it is looked at: its compatibility form may be twice as long as it is."""

MOST_WORK = 100_000_000
"""Steps of all patterns of a campaign together: at worst, by patterns and texts made for it, 7 ns each and
each twice (a prompt is looked at in two forms), which is a second and a half of a whole core."""

_REPEATS = frozenset({code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT})
_ASSERTIONS = frozenset({code.ASSERT, code.ASSERT_NOT})


def search_work(pattern: str) -> float:
    """Steps, at most, of looking for ``pattern`` in a text of LONGEST characters; infinity if astronomical.

    Raises:
        re.error: it is no regular expression.
    """
    _, work = _sequence(parser.parse(pattern))
    return LONGEST * work


def _sequence(items: Iterable[tuple[Any, Any]]) -> tuple[float, float]:
    ways, work = 1.0, 1.0
    for operator, argument in items:
        item_ways, item_work = _item(operator, argument)
        work += ways * item_work
        ways *= item_ways
    return ways, work


def _item(operator: Any, argument: Any) -> tuple[float, float]:
    """Ways and work of one node of the parse tree."""
    if operator in _REPEATS:
        least, most, body = argument
        ways, work = _repeat(least, most, _sequence(body))
        return (1.0 if operator is code.POSSESSIVE_REPEAT else ways), work
    if operator is code.SUBPATTERN:
        return _sequence(argument[-1])
    if operator is code.BRANCH:
        return _either(_sequence(branch) for branch in argument[1])
    if operator is code.GROUPREF_EXISTS:
        return _either(_sequence(branch) for branch in argument[1:] if branch is not None)
    if operator is code.ATOMIC_GROUP:
        return 1.0, _sequence(argument)[1]
    if operator in _ASSERTIONS:
        return 1.0, _sequence(argument[1])[1]
    if operator is code.GROUPREF:
        return 1.0, float(LONGEST)
    return 1.0, 1.0


def _either(branches: Iterable[tuple[float, float]]) -> tuple[float, float]:
    each = list(branches)
    return sum(ways for ways, _ in each), sum(work for _, work in each)


def _repeat(least: int, most: int, body: tuple[float, float]) -> tuple[float, float]:
    ways, work = body
    most = min(int(most), LONGEST)
    # A text has at most as many as it has characters, whatever the pattern asks for.
    least = min(int(least), most)
    return _powers(ways, least, most + 1), work * max(1.0, _powers(ways, 0, most))


def _powers(base: float, first: int, end: int) -> float:
    """The sum of base^k for first <= k < end."""
    if base == 1.0:
        return float(end - first)
    try:
        return (base**end - base**first) / (base - 1)
    except OverflowError:
        return math.inf
