"""Requests checked against botocore's model of the API, with AWS's own messages.

boto3 checks types and required members before it sends; lengths, ranges, patterns and enumerations
are checked by AWS alone. The message follows SageMaker's, such as ``1 validation error detected:
Value 'ml.none' at 'productionVariants.1.member.instanceType' failed to satisfy constraint: Member
must satisfy enum value set: [...]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape


@lru_cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of ``service`` (``sagemaker``, ``sagemaker-runtime``)."""
    return botocore.session.get_session().get_service_model(service)


def violations(service: str, operation: str, request: Mapping[str, Any]) -> str | None:
    """What is wrong with ``request``, all at once, in AWS's words; None when nothing is.

    Examples:
        >>> violations("sagemaker", "DescribeEndpoint", {})
        "1 validation error detected: Value null at 'endpointName' failed to satisfy constraint: \
Member must not be null"
    """
    shape = service_model(service).operation_model(operation).input_shape
    found = list(_walk(shape, request, ""))
    if not found:
        return None
    noun = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {noun} detected: " + "; ".join(found)


def _walk(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        yield from _walk_structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _bounds(shape, len(value), "length", path, value)
        for number, item in enumerate(value, start=1):
            yield from _walk(shape.member, item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _walk(shape.key, key, f"{path}.key")
            yield from _walk(shape.value, item, f"{path}.{key}.member")
    else:
        yield from _walk_scalar(shape, value, path)


def _walk_structure(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_below(path, name)}' {_FAILED}Member must not be null"
    for name, item in value.items():
        if name not in shape.members:
            yield f"'{_below(path, name)}' is no member of {shape.name}"
        elif item is not None:
            yield from _walk(shape.members[name], item, _below(path, name))


def _walk_scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.type_name in {"integer", "long", "float", "double"}:
        yield from _bounds(shape, value, "value", path, value)
    elif shape.type_name == "blob":
        yield from _bounds(shape, len(value), "length", path, "(binary)")
    elif shape.type_name == "string":
        yield from _walk_string(shape, value, path)


def _walk_string(shape: Shape, value: str, path: str) -> Iterator[str]:
    enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    yield from _bounds(shape, len(value), "length", path, value)
    if enum and value not in enum:
        yield f"Value '{value}' at '{path}' {_FAILED}Member must satisfy enum value set: [{', '.join(enum)}]"
    compiled = _compiled(pattern) if pattern else None
    if compiled and not compiled.fullmatch(value):
        rule = f"Member must satisfy regular expression pattern: {pattern}"
        yield f"Value '{value}' at '{path}' {_FAILED}{rule}"


def _bounds(shape: Shape, size: float, noun: str, path: str, value: Any) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"Value '{value}' at '{path}' {_FAILED}Member must have {noun} greater than or equal to {least}"
    if most is not None and size > most:
        yield f"Value '{value}' at '{path}' {_FAILED}Member must have {noun} less than or equal to {most}"


_FAILED = "failed to satisfy constraint: "
# Java's classes that AWS's patterns use and Python's re has not.
_JAVA_CLASSES = {
    r"[\p{Print}]": r"[\x20-\x7e]",
    r"\p{Print}": r"\x20-\x7e",
    r"\p{ASCII}": r"[\x00-\x7f]",
    r"\p{L}": r"\w",
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
}


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern.replace(r"\z", r"\Z"))


def _below(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member
