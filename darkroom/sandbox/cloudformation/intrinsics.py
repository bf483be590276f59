"""Intrinsic functions: what they refer to, and their value in a scope.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from moto.cloudformation.exceptions import ValidationError

NO_VALUE = object()
"""What ``AWS::NoValue`` stands for: the property that has it is left out."""

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")


class Scope(Protocol):
    """What a template's functions can refer to. Every method raises ValidationError when it isn't there."""

    def ref(self, name: str) -> Any:
        """The value of a parameter or pseudo parameter, or a resource's physical id."""

    def attribute(self, logical_id: str, name: str) -> Any:
        """A resource's attribute."""

    def mapping(self, name: str) -> Mapping[str, Any]:
        """A mapping of the template."""

    def condition(self, name: str) -> bool:
        """Whether a condition holds."""

    def imported(self, name: str) -> str:
        """The value of another stack's export."""


def references(value: Any) -> set[str]:
    """The names that ``value`` refers to by Ref, Fn::GetAtt or Fn::Sub."""
    return set(_references(value))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref" and isinstance(inner, str):
                yield inner
            elif key == "Fn::GetAtt":
                yield (inner.split(".") if isinstance(inner, str) else inner)[0]
            elif key == "Fn::Sub":
                text, own = _sub_parts(inner)
                yield from _references(own)
                names = (name for literal, name in _PLACEHOLDER.findall(text) if not literal)
                yield from (name.split(".")[0] for name in names if name not in own)
            else:
                yield from _references(inner)


def resolve(value: Any, scope: Scope) -> Any:
    """``value`` with every intrinsic function evaluated.

    Raises:
        ValidationError: a function is unknown, malformed or refers to what is not there.
    """
    if isinstance(value, list):
        return [item for item in (resolve(item, scope) for item in value) if item is not NO_VALUE]
    if isinstance(value, str) and "{{resolve:" in value:
        raise ValidationError(message=f"the sandbox does not play dynamic references: {value}")
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        function, argument = next(iter(value.items()))
        if function in _FUNCTIONS:
            return _FUNCTIONS[function](argument, scope)
        if function.startswith("Fn::"):
            raise ValidationError(message=f"Template error: the sandbox does not play {function}")
    resolved = {key: resolve(inner, scope) for key, inner in value.items()}
    return {key: inner for key, inner in resolved.items() if inner is not NO_VALUE}


def holds(condition: Any, scope: Scope) -> bool:
    """Whether a condition expression (Fn::Equals, And, Or, Not, Condition) holds."""
    function, argument = next(iter(condition.items()))
    if function == "Condition":
        return scope.condition(argument)
    if function == "Fn::Equals":
        left, right = (resolve(side, scope) for side in argument)
        return _text(left) == _text(right)
    if function == "Fn::Not":
        return not holds(argument[0], scope)
    if function == "Fn::And":
        return all(holds(inner, scope) for inner in argument)
    if function == "Fn::Or":
        return any(holds(inner, scope) for inner in argument)
    raise ValidationError(message=f"Template error: {function} is no condition function")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ref(argument: Any, scope: Scope) -> Any:
    return NO_VALUE if argument == "AWS::NoValue" else scope.ref(argument)


def _get_att(argument: Any, scope: Scope) -> Any:
    logical_id, name = argument.split(".", 1) if isinstance(argument, str) else argument
    return scope.attribute(logical_id, resolve(name, scope))


def _join(argument: Any, scope: Scope) -> str:
    delimiter, items = argument
    return str(delimiter).join(_text(item) for item in resolve(items, scope))


def _split(argument: Any, scope: Scope) -> list[str]:
    delimiter, text = argument
    return str(resolve(text, scope)).split(delimiter)


def _select(argument: Any, scope: Scope) -> Any:
    index, items = resolve(argument, scope)
    if not 0 <= int(index) < len(items):
        raise ValidationError(
            message=f"Template error: Fn::Select cannot select nonexistent value at index {index}"
        )
    return items[int(index)]


def _sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:
    return (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])


def _sub(argument: Any, scope: Scope) -> str:
    text, own = _sub_parts(argument)

    def value(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return f"${{{name}}}"
        if name in own:
            return _text(resolve(own[name], scope))
        if "." in name:
            return _text(_get_att(name, scope))
        return _text(scope.ref(name))

    return _PLACEHOLDER.sub(value, text)


def _find_in_map(argument: Any, scope: Scope) -> Any:
    name, top, second = (resolve(part, scope) for part in argument[:3])
    found = scope.mapping(name).get(top, {})
    if second in found:
        return resolve(found[second], scope)
    if len(argument) > 3 and "DefaultValue" in argument[3]:
        return resolve(argument[3]["DefaultValue"], scope)
    raise ValidationError(message=f"Template error: Unable to get mapping for {name}::{top}::{second}")


def _if(argument: Any, scope: Scope) -> Any:
    condition, then, otherwise = argument
    return resolve(then if scope.condition(condition) else otherwise, scope)


def _base64(argument: Any, scope: Scope) -> str:
    return base64.b64encode(_text(resolve(argument, scope)).encode()).decode()


def _get_azs(argument: Any, scope: Scope) -> list[str]:
    region = resolve(argument, scope) or scope.ref("AWS::Region")
    return [f"{region}{zone}" for zone in "abc"]


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::Sub": _sub,
    "Fn::FindInMap": _find_in_map,
    "Fn::If": _if,
    "Fn::ImportValue": lambda argument, scope: scope.imported(resolve(argument, scope)),
    "Fn::Base64": _base64,
    "Fn::GetAZs": _get_azs,
    "Fn::ToJsonString": lambda argument, scope: json.dumps(resolve(argument, scope), separators=(",", ":")),
    "Fn::Length": lambda argument, scope: len(resolve(argument, scope)),
}
