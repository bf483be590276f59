"""pydantic's errors, told as problems: the field, its value, the rule, what would be right."""

from __future__ import annotations

import copy
import typing
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from darkroom.campaign.fields import EXPLAINED
from darkroom.campaign.problem import MISSING, FieldPath, Problem, one_of

BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
KINDS = {
    "string_type": ("text", "text; in quotes if it looks like a number"),
    "int_type": ("a whole number", "a whole number, without quotes"),
    "int_from_float": ("a whole number", "a whole number"),
    "float_type": ("a number", "a number, without quotes"),
    "finite_number": ("a finite number", "a number"),
    "bool_type": ("true or false", "true or false"),
    "tuple_type": ("a list", "a list: [a, b], or one - item a line"),
    "dict_type": ("a mapping", "key: value"),
    "model_type": ("a mapping", "key: value, indented under it"),
}


def explain(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """One problem for each error of pydantic, in the order of the fields."""
    return [_problem(details, model) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, model: type[BaseModel]) -> Problem:
    path: FieldPath = tuple(part for part in details["loc"] if part != "[key]")
    kind, context = details["type"], details.get("ctx", {})
    value = MISSING if kind == "missing" else details["input"]
    if kind == EXPLAINED:
        return Problem(path, value, context["rule"], context["expected"])
    if kind == "missing":
        return Problem(
            path, value, "this field is required", "a value; docs and editors: campaign.schema.json"
        )
    if kind == "extra_forbidden":
        return Problem(path, value, "there is no such field", one_of(_fields_at(model, path[:-1]), path[-1]))
    if kind == "invalid_key":
        return Problem(path, value, "keys are text", "text; in quotes if it looks like something else")
    if kind == "literal_error":
        choices = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return Problem(path, value, "one of the values there are", one_of(choices, value))
    if kind in BOUNDS:
        words, key = BOUNDS[kind]
        return Problem(path, value, f"{words} {context[key]:g}", f"{words} {context[key]:g}")
    if kind in KINDS:
        return Problem(path, value, f"the value must be {KINDS[kind][0]}", KINDS[kind][1])
    return Problem(path, value, details["msg"], "see campaign.schema.json")


def _fields_at(model: type[BaseModel], path: FieldPath) -> list[str]:
    """The fields of the section that a path leads to."""
    for part in path:
        if isinstance(part, str):
            model = _section(model.model_fields[part].annotation)
    return list(model.model_fields)


def _section(annotation: Any) -> type[BaseModel]:
    """The section model in a field's annotation: itself, or what a tuple of it holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return _section(typing.get_args(annotation)[0])


def without(content: dict[str, Any], paths: list[FieldPath]) -> dict[str, Any]:
    """A copy of what the file says without the fields at these paths, so the rest can be looked at.

    For an item of a list the whole list goes: the places of the others must stay what they are.
    """
    pruned = copy.deepcopy(content)
    for path in paths:
        _remove(pruned, path[:-1] if isinstance(path[-1], int) else path)
    return pruned


def _remove(content: Any, path: FieldPath) -> None:
    for part in path[:-1]:
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(content, dict):
        content.pop(path[-1], None)
