"""Request validation at the edge, with the words of the validator that API Gateway uses.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from jsonschema import Draft4Validator, ValidationError

from darkroom.sandbox.api_gateway.openapi import Operation


def missing_parameters(
    operation: Operation, path: Mapping[str, str], query: Mapping[str, Any], headers: Mapping[str, Any]
) -> list[str]:
    """The required parameters that a request lacks; ``headers`` by lower-case name."""
    if not operation.validates_parameters:
        return []
    given = {"path": path, "querystring": query, "header": headers}
    # A blank one counts as missing.
    return [
        name
        for location, name in operation.required_parameters
        if not any(given[location].get(name.lower() if location == "header" else name, ""))
    ]


def body_errors(operation: Operation, content_type: str, body: bytes) -> list[str]:
    """What is wrong with a body; nothing when no model is for its content type.

    A body without a content type is taken for ``application/json``.
    """
    if not operation.validates_body:
        return []
    media_type = (content_type or "application/json").split(";")[0].strip().lower()
    model = operation.models.get(media_type)
    if model is None:
        return []
    if not body:
        return ["Unable to parse the request body: it is empty"] if operation.body_required else []
    try:
        instance = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return [f"Unable to parse the request body: {type(error).__name__}"]
    return _schema_errors(model, instance)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _schema_errors(model: Draft4Validator, instance: Any) -> list[str]:
    """The errors of the outermost level that has any: children of a bad container are not looked at."""
    errors = [leaf for error in model.iter_errors(instance) for leaf in _leaves(error)]
    if not errors:
        return []
    level = min(len(error.absolute_path) for error in errors)
    outermost = [error for error in errors if len(error.absolute_path) == level]
    return list(dict.fromkeys(_words(error) for error in outermost))


def _leaves(error: ValidationError) -> list[ValidationError]:
    if error.validator == "allOf" and error.context:
        return [leaf for inner in error.context for leaf in _leaves(inner)]
    return [error]


def _words(error: ValidationError) -> str:
    value, rule = error.instance, error.validator_value
    if error.validator == "required":
        absent = sorted(name for name in rule if name not in value)
        return f"object has missing required properties ({_json(absent)})"
    if error.validator == "additionalProperties":
        extra = sorted(set(value) - set(error.schema.get("properties", {})))
        return f"object instance has properties which are not allowed by the schema: {_json(extra)}"
    if error.validator == "type":
        allowed = [rule] if isinstance(rule, str) else list(rule)
        mismatch = f"instance type ({_type(value)}) does not match any allowed primitive type"
        return f"{mismatch} (allowed: {_json(allowed)})"
    if error.validator == "enum":
        return f"instance value ({_json(value)}) not found in enum (possible values: {_json(rule)})"
    template = _TEMPLATES.get(str(error.validator))
    if template is None:
        return f"instance does not satisfy {error.validator}"
    size = len(value) if isinstance(value, str | list | dict) else value
    return template.format(value=_json(value), rule=rule, size=size)


_TEMPLATES = {
    "maxLength": "string {value} is too long (length: {size}, maximum allowed: {rule})",
    "minLength": "string {value} is too short (length: {size}, required minimum: {rule})",
    "maximum": "numeric instance is greater than the required maximum (maximum: {rule}, found: {value})",
    "minimum": "numeric instance is lower than the required minimum (minimum: {rule}, found: {value})",
    "pattern": 'ECMA 262 regex "{rule}" does not match input string {value}',
    "maxItems": "array is too long: must have at most {rule} elements but instance has {size} elements",
    "minItems": "array is too short: must have at least {rule} elements but instance has {size} elements",
}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _type(value: Any) -> str:
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")
