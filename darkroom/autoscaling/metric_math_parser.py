"""The grammar of CloudWatch metric math: text to syntax tree.

Source of the grammar: Amazon CloudWatch User Guide, "Using math expressions with CloudWatch
metrics" (operators, function names in upper case, ids that start with a lower-case letter). AWS
does not publish operator precedence; it is taken to be the usual one, ``^`` binding tightest, then
unary minus, ``* /``, ``+ -``, comparisons, ``AND``, ``OR``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

SUPPORTED_FUNCTIONS = (
    "ABS", "AVG", "CEIL", "DIFF", "FILL", "FLOOR", "IF", "MAX", "MIN", "PERIOD", "RATE", "RUNNING_SUM", "SUM",
)  # fmt: skip

_KEYWORDS = ("REPEAT", "LINEAR")
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
_SPELLINGS = {"&&": "AND", "||": "OR"}

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<operator>==|!=|<=|>=|&&|\|\||[-+*/^<>()\[\],])
    )""",
    re.VERBOSE,
)


class MetricMathError(ValueError):
    """An expression that CloudWatch, or this subset of it, can't evaluate."""


@dataclass(frozen=True)
class Number:
    """A scalar literal."""

    value: float


@dataclass(frozen=True)
class Name:
    """The id of a metric or of another expression."""

    id: str


@dataclass(frozen=True)
class Keyword:
    """REPEAT or LINEAR, which only FILL takes."""

    word: str


@dataclass(frozen=True)
class Array:
    """``[m1, m2]``, an array of time series."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Negation:
    """Unary minus."""

    operand: Node


@dataclass(frozen=True)
class Operation:
    """A binary operator between two operands."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    """A function and its arguments."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Name | Keyword | Array | Negation | Operation | Call


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def _tokenize(expression: str) -> list[_Token]:
    tokens, position, end = [], 0, len(expression.rstrip())
    while position < end:
        match = _TOKEN.match(expression, position)
        if match is None:
            found = expression[position:].lstrip()[0]
            raise MetricMathError(
                f"{expression!r}: unexpected {found!r} after character {position}; "
                "metric math has numbers, ids, functions, ( ) [ ] , and + - * / ^ == != <= >= < > AND OR"
            )
        kind = str(match.lastgroup)
        text = match[kind]
        position = match.end()
        if kind == "word" and text in ("AND", "OR"):
            kind = "operator"
        tokens.append(_Token(kind, _SPELLINGS.get(text, text), match.start(str(match.lastgroup))))
    return tokens


class _Parser:
    """Recursive descent, one method a level of precedence."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = _tokenize(expression)
        self._next = 0

    def parse(self) -> Node:
        if not self._tokens:
            raise MetricMathError("the expression is empty: write one such as m1 / m2")
        node = self._disjunction()
        if self._next < len(self._tokens):
            raise self._unexpected()
        return node

    def _accept(self, *texts: str) -> str | None:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.kind == "operator" and token.text in texts:
                self._next += 1
                return token.text
        return None

    def _expect(self, text: str) -> None:
        if self._accept(text) is None:
            raise self._unexpected(f"{text!r} expected")

    def _unexpected(self, wanted: str = "an operator expected") -> MetricMathError:
        if self._next >= len(self._tokens):
            return MetricMathError(f"{self._expression!r} ends too soon: {wanted}")
        token = self._tokens[self._next]
        where = f"at character {token.position + 1}"
        return MetricMathError(f"{self._expression!r}: unexpected {token.text!r} {where}: {wanted}")

    def _disjunction(self) -> Node:
        node = self._conjunction()
        while operator := self._accept("OR"):
            node = Operation(operator, node, self._conjunction())
        return node

    def _conjunction(self) -> Node:
        node = self._comparison()
        while operator := self._accept("AND"):
            node = Operation(operator, node, self._comparison())
        return node

    def _comparison(self) -> Node:
        node = self._sum()
        while operator := self._accept(*_COMPARISONS):
            node = Operation(operator, node, self._sum())
        return node

    def _sum(self) -> Node:
        node = self._product()
        while operator := self._accept("+", "-"):
            node = Operation(operator, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._unary()
        while operator := self._accept("*", "/"):
            node = Operation(operator, node, self._unary())
        return node

    def _unary(self) -> Node:
        if self._accept("-"):
            return Negation(self._unary())
        return self._power()

    def _power(self) -> Node:
        base = self._atom()
        if self._accept("^"):
            return Operation("^", base, self._unary())
        return base

    def _atom(self) -> Node:
        if self._accept("("):
            node = self._disjunction()
            self._expect(")")
            return node
        if self._accept("["):
            return Array(self._list_until("]"))
        if self._next >= len(self._tokens) or self._tokens[self._next].kind == "operator":
            raise self._unexpected("a number, an id, a function, ( or [ expected")
        token = self._tokens[self._next]
        self._next += 1
        return Number(float(token.text)) if token.kind == "number" else self._word(token)

    def _word(self, token: _Token) -> Node:
        if self._accept("("):
            if token.text not in SUPPORTED_FUNCTIONS:
                raise MetricMathError(
                    f"{self._expression!r}: the function {token.text} is not supported; "
                    f"supported are {', '.join(SUPPORTED_FUNCTIONS)}, in upper case"
                )
            return Call(token.text, self._list_until(")"))
        if token.text in _KEYWORDS:
            return Keyword(token.text)
        if not token.text[0].islower():
            raise MetricMathError(
                f"{self._expression!r}: {token.text!r} is no id; an id starts with a lower-case letter"
            )
        return Name(token.text)

    def _list_until(self, closing: str) -> tuple[Node, ...]:
        if self._accept(closing):
            return ()
        items = [self._disjunction()]
        while self._accept(","):
            items.append(self._disjunction())
        self._expect(closing)
        return tuple(items)


@lru_cache(maxsize=1024)
def parse(expression: str) -> Node:
    """Parse ``expression``; the tree is immutable and cached.

    Raises:
        MetricMathError: it is no metric math, or uses a function outside the supported subset.
    """
    return _Parser(expression).parse()


def referenced_ids(node: Node) -> frozenset[str]:
    """The ids of metrics and expressions that ``node`` refers to."""
    match node:
        case Name(id=name):
            return frozenset({name})
        case Array(items=children) | Call(arguments=children):
            return frozenset().union(*map(referenced_ids, children))
        case Negation(operand=operand):
            return referenced_ids(operand)
        case Operation(left=left, right=right):
            return referenced_ids(left) | referenced_ids(right)
        case _:
            return frozenset()
