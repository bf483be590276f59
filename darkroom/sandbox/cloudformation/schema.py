"""What AWS publishes of a resource type: its properties and which of them need a replacement.

The schemas are CloudFormation's registry schemas as cfn-lint ships them
(https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html);
moto's own CloudFormation support installs cfn-lint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_MISSING = object()


@dataclass(frozen=True)
class Schema:
    """A resource type's registry schema, as far as the engine needs it.

    Attributes:
        properties: names of the properties, with the read-only ones.
        required: properties that must be given.
        create_only: paths of properties whose change replaces the resource.
        identifier: the properties that tell one resource of the type from another.
    """

    properties: frozenset[str]
    required: frozenset[str]
    create_only: tuple[tuple[str, ...], ...]
    identifier: tuple[str, ...]

    def replaced_by(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
        """The create-only properties that differ between ``old`` and ``new``."""
        return [".".join(path) for path in self.create_only if _value_at(old, path) != _value_at(new, path)]


def _schemas() -> Path:
    """The folder of cfn-lint's schemas, found without importing it: that takes as long as a small stack."""
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise RuntimeError("cfn-lint is not installed beside the sandbox: install requirements-sandbox.txt")
    return Path(spec.origin).parent / "data" / "schemas"


@lru_cache
def _files_by_type() -> dict[str, str]:
    loaded: dict[str, str] = json.loads((_schemas() / "providers" / "us-east-1.json").read_text())
    return loaded


@lru_cache
def schema_of(type_name: str) -> Schema | None:
    """The schema of ``type_name``; None when AWS has no such type."""
    name = _files_by_type().get(type_name)
    if name is None:
        return None
    schema = json.loads((_schemas() / "resources" / f"{name}.json").read_text())
    create_only = schema.get("createOnlyProperties", []) + schema.get("conditionalCreateOnlyProperties", [])
    return Schema(
        properties=frozenset(schema.get("properties", {})),
        required=frozenset(schema.get("required", [])),
        create_only=tuple(tuple(path.split("/")[2:]) for path in create_only),
        identifier=tuple(path.rsplit("/", 1)[-1] for path in schema.get("primaryIdentifier", [])),
    )


def _value_at(properties: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = properties
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return value
