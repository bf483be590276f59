"""A template's parameters: their values from what was given, the defaults and Parameter Store.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from moto.cloudformation.exceptions import ValidationError

_STORED = re.compile(r"AWS::SSM::Parameter::Value<(?P<inner>.+)>")

ParameterStore = Callable[[str], str]
"""Reads an SSM parameter by name; raises ValidationError when there is none."""


def parameter_values(
    declared: Mapping[str, Any], given: Mapping[str, str], stored: ParameterStore
) -> dict[str, Any]:
    """The value of each declared parameter, lists as lists.

    Raises:
        ValidationError: one has no value, is not declared, or breaks its own constraints.
    """
    surplus = sorted(given.keys() - declared.keys())
    if surplus:
        raise ValidationError(message=f"Parameters: {surplus} do not exist in the template")
    absent = sorted(name for name, rule in declared.items() if name not in given and "Default" not in rule)
    if absent:
        raise ValidationError(message=f"Parameters: {absent} must have values")
    return {name: _value(name, rule, given.get(name), stored) for name, rule in declared.items()}


def _value(name: str, rule: Mapping[str, Any], given: str | None, stored: ParameterStore) -> Any:
    kind = rule.get("Type", "String")
    text = str(rule["Default"] if given is None else given)
    _check(name, rule, text)
    in_store = _STORED.fullmatch(kind)
    if in_store:
        kind, text = in_store["inner"], stored(text)
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [item.strip() for item in text.split(",")]
    return text


def _check(name: str, rule: Mapping[str, Any], text: str) -> None:
    allowed = [str(value) for value in rule.get("AllowedValues", [text])]
    if text not in allowed:
        raise ValidationError(message=f"Parameter {name} must be one of {allowed}, is {text!r}")
    pattern = rule.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, text):
        raise ValidationError(message=f"Parameter {name} must match pattern {pattern}, is {text!r}")
