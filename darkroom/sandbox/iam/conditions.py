"""IAM's condition operators, those that templates here use; any other is refused by name.

IAM user guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from darkroom.sandbox.iam.patterns import arn_matches, matches

Context = Mapping[str, str]
"""What a request says of itself, by condition key; the case of keys does not matter."""


class UnknownConditionError(Exception):
    """A policy has a condition that the sandbox can't weigh."""


def _equals(expected: str, found: str) -> bool:
    return expected == found


def _equals_ignoring_case(expected: str, found: str) -> bool:
    return expected.casefold() == found.casefold()


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    """An operator on numbers; what is none satisfies it not."""

    def compared(expected: str, found: str) -> bool:
        try:
            return compare(float(found), float(expected))
        except ValueError:
            return False

    return compared


# The operator, and whether it says the opposite. An absent key satisfies the negated ones alone.
_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignoring_case, False),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (arn_matches, False),
    "ArnLike": (arn_matches, False),
    "ArnNotEquals": (arn_matches, True),
    "ArnNotLike": (arn_matches, True),
    "Bool": (_equals_ignoring_case, False),
    "NumericEquals": (_number(operator.eq), False),
    "NumericNotEquals": (_number(operator.eq), True),
    "NumericLessThan": (_number(operator.lt), False),
    "NumericLessThanEquals": (_number(operator.le), False),
    "NumericGreaterThan": (_number(operator.gt), False),
    "NumericGreaterThanEquals": (_number(operator.ge), False),
}


def holds(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Whether every condition of a statement holds in ``context``.

    Raises:
        UnknownConditionError: one of them has an operator that is not played.
    """
    found = {key.lower(): value for key, value in context.items()}
    return all(
        _one_holds(name, found.get(key.lower()), _listed(expected))
        for name, keys in conditions.items()
        for key, expected in keys.items()
    )


def _one_holds(written: str, found: str | None, expected: Sequence[str]) -> bool:
    if written == "Null":
        return all((found is None) is (value.lower() == "true") for value in expected)
    name = written.removesuffix("IfExists")
    if name not in _OPERATORS:
        raise UnknownConditionError(
            f"the sandbox does not weigh the condition operator {written}; it does {sorted(_OPERATORS)}, "
            "each with IfExists, and Null"
        )
    compare, negated = _OPERATORS[name]
    if found is None:
        return negated or name != written
    return any(compare(value, found) for value in expected) is not negated


def _listed(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
