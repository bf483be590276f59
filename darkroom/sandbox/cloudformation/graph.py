"""The order in which a template's resources depend on each other."""

from __future__ import annotations

from collections.abc import Mapping

from moto.cloudformation.exceptions import ValidationError

from darkroom.sandbox.cloudformation.intrinsics import references
from darkroom.sandbox.cloudformation.template import Template

PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in ("AccountId", "NotificationARNs", "NoValue", "Partition", "Region", "StackId", "StackName",
                 "URLSuffix")
)  # fmt: skip


def dependencies(template: Template) -> dict[str, frozenset[str]]:
    """Which resources each resource of ``template`` needs, by Ref, GetAtt, Sub and DependsOn.

    Raises:
        ValidationError: a resource refers to what the template does not declare.
    """
    declared = template.resources.keys() | template.parameters.keys() | PSEUDO_PARAMETERS
    found: dict[str, frozenset[str]] = {}
    missing: set[str] = set()
    for name, resource in template.resources.items():
        named = references(dict(resource.properties)) | set(resource.depends_on)
        missing |= named - declared
        found[name] = frozenset(named & template.resources.keys())
    if missing:
        raise ValidationError(
            message=f"Template format error: Unresolved resource dependencies {sorted(missing)} "
            "in the Resources block of the template"
        )
    return found


def creation_order(needs: Mapping[str, frozenset[str]]) -> list[str]:
    """The names of ``needs``, each after all that it needs, otherwise in the order given.

    Raises:
        ValidationError: resources need each other in a circle.
    """
    order: dict[str, None] = {}
    waiting = dict(needs)
    while waiting:
        ready = [name for name, needed in waiting.items() if not (needed & waiting.keys()) - {name}]
        if not ready:
            raise ValidationError(message=f"Circular dependency between resources: {sorted(waiting)}")
        for name in ready:
            order[name] = None
            del waiting[name]
    return list(order)
