"""A CloudFormation template as text (JSON or YAML), parsed and checked for its shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from moto.cloudformation.exceptions import ValidationError

from darkroom.sandbox.cloudformation.schema import schema_of

_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


@dataclass(frozen=True)
class ResourceTemplate:
    """One entry of a template's Resources, intrinsic functions and all."""

    logical_id: str
    type_name: str
    properties: Mapping[str, Any]
    depends_on: tuple[str, ...]
    condition: str | None
    deletion_policy: str
    update_replace_policy: str
    entry: Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """A parsed template; ``body`` is the text as it was given."""

    body: str
    description: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, ResourceTemplate] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)


EMPTY = Template(body="")


def parse(body: str) -> Template:
    """Parse a template.

    Raises:
        ValidationError: not JSON or YAML, no Resources, an entry without a type, a type that AWS
            does not have, a section that the sandbox does not play.
    """
    loaded = _load(body)
    if not isinstance(loaded, dict):
        raise ValidationError(message="Template format error: unsupported structure.")
    for section in ("Transform", "Hooks"):
        if section in loaded:
            raise ValidationError(message=f"the sandbox does not play a template's {section} section")
    if not isinstance(loaded.get("Resources"), dict) or not loaded["Resources"]:
        raise ValidationError(message="Template format error: At least one Resources member must be defined.")
    resources = {name: _resource(name, entry) for name, entry in loaded["Resources"].items()}
    unknown = sorted({r.type_name for r in resources.values() if not _exists(r.type_name)})
    if unknown:
        raise ValidationError(message=f"Template format error: Unrecognized resource types: {unknown}")
    return Template(
        body=body,
        description=loaded.get("Description"),
        parameters=loaded.get("Parameters") or {},
        mappings=loaded.get("Mappings") or {},
        conditions=loaded.get("Conditions") or {},
        resources=resources,
        outputs=loaded.get("Outputs") or {},
    )


def _resource(name: str, entry: Any) -> ResourceTemplate:
    if not isinstance(entry, dict) or "Type" not in entry:
        raise ValidationError(message=f"Template format error: [/Resources/{name}] has no Type.")
    depends_on = entry.get("DependsOn") or []
    return ResourceTemplate(
        logical_id=name,
        type_name=entry["Type"],
        properties=entry.get("Properties") or {},
        depends_on=tuple([depends_on] if isinstance(depends_on, str) else depends_on),
        condition=entry.get("Condition"),
        deletion_policy=_policy(name, entry, "DeletionPolicy"),
        update_replace_policy=_policy(name, entry, "UpdateReplacePolicy"),
        entry=entry,
    )


def _policy(name: str, entry: Mapping[str, Any], key: str) -> str:
    policy = entry.get(key, "Delete")
    if policy not in _POLICIES:
        raise ValidationError(
            message=f"Template format error: Unrecognized {key} {policy} for resource {name}"
        )
    return str(policy)


def _exists(type_name: str) -> bool:
    if type_name.startswith("Custom::") or type_name == "AWS::CloudFormation::CustomResource":
        return True
    # CDK's own usage record is no type of the public registry.
    return type_name == "AWS::CDK::Metadata" or schema_of(type_name) is not None


def _load(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        pass
    try:
        return yaml.load(body, Loader=_YamlLoader)  # noqa: S506 - a SafeLoader, see below
    except yaml.YAMLError as error:
        raise ValidationError(message=f"Template format error: YAML not well-formed. ({error})") from None


class _YamlLoader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: dates stay strings, ``!Ref x`` is ``{"Ref": "x"}``."""


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_form(loader: _YamlLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_YamlLoader.add_multi_constructor("!", _short_form)
