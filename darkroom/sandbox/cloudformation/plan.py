"""What a revision would change in a stack, without changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from moto.cloudformation.exceptions import ValidationError

from darkroom.sandbox.cloudformation.evaluation import Evaluation
from darkroom.sandbox.cloudformation.graph import creation_order, dependencies
from darkroom.sandbox.cloudformation.intrinsics import references
from darkroom.sandbox.cloudformation.schema import schema_of
from darkroom.sandbox.cloudformation.stack import Stack, StackResource
from darkroom.sandbox.cloudformation.template import ResourceTemplate, Template


class Action(Enum):
    """What becomes of a resource."""

    ADD = "Add"
    MODIFY = "Modify"
    REPLACE = "Replace"
    REMOVE = "Remove"
    KEEP = "Keep"
    IMPORT = "Import"


@dataclass(frozen=True)
class Change:
    """One resource that a revision would change."""

    action: Action
    logical_id: str
    type_name: str
    physical_id: str | None = None


def action_on(
    current: StackResource | None, desired: ResourceTemplate, properties: Mapping[str, Any]
) -> Action:
    """What turns ``current`` into ``desired`` with its resolved ``properties``.

    A custom resource whose ServiceToken changed is replaced (it is another provider's).
    """
    if current is None:
        return Action.ADD
    if current.template.type_name != desired.type_name:
        return Action.REPLACE
    if current.properties == properties:
        return Action.KEEP
    schema = schema_of(desired.type_name)
    if schema is not None and schema.replaced_by(current.properties, properties):
        return Action.REPLACE
    if current.properties.get("ServiceToken") != properties.get("ServiceToken"):
        return Action.REPLACE
    return Action.MODIFY


def changes(stack: Stack, template: Template, evaluation: Evaluation) -> list[Change]:
    """The changes that ``template`` makes to ``stack``, in the order in which they would be made.

    A resource whose template entry differs without a property of it differing (its metadata, its
    policies) counts as modified, as on AWS.
    """
    active = evaluation.active()
    needs = dependencies(template)
    found = []
    for name in creation_order({name: needs[name] & active.keys() for name in active}):
        desired, current = active[name], stack.resources.get(name)
        action = _planned(current, desired, evaluation)
        if action in (Action.ADD, Action.REPLACE):
            evaluation.pending.add(name)
        if action is Action.KEEP and current is not None and current.template.entry != desired.entry:
            action = Action.MODIFY
        if action is not Action.KEEP:
            physical_id = current.resource.physical_id if current else None
            found.append(Change(action, name, desired.type_name, physical_id))
    for name in reversed(stack.resources):
        if name not in active:
            removed = stack.resources[name]
            found.append(
                Change(Action.REMOVE, name, removed.template.type_name, removed.resource.physical_id)
            )
    return found


def _planned(current: StackResource | None, desired: ResourceTemplate, evaluation: Evaluation) -> Action:
    try:
        return action_on(current, desired, evaluation.properties(desired))
    except ValidationError:
        # A placeholder that a function (Fn::Select of a split ARN, say) could not take apart.
        if evaluation.pending & references(dict(desired.properties)):
            return Action.ADD if current is None else Action.MODIFY
        raise
