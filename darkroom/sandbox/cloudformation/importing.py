"""Change sets of the type IMPORT: a stack takes over what exists already.

Nothing is created, changed or deleted: what the template says of a resource is believed, and the next update
changes what differs. Source: CloudFormation user guide, "Import AWS resources into a CloudFormation stack",
its considerations and its "Resource import status codes".
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.cloudformation.exceptions import CloudFormationError, ValidationError

from darkroom.sandbox.cloudformation.evaluation import Evaluation
from darkroom.sandbox.cloudformation.graph import creation_order, dependencies
from darkroom.sandbox.cloudformation.plan import Action, Change
from darkroom.sandbox.cloudformation.provision import Provisioner, ResourceError
from darkroom.sandbox.cloudformation.schema import schema_of
from darkroom.sandbox.cloudformation.stack import Revision, Stack, StackResource
from darkroom.sandbox.cloudformation.template import ResourceTemplate


@dataclass(frozen=True)
class ResourceToImport:
    """One entry of a change set's ResourcesToImport."""

    logical_id: str
    type_name: str
    identifier: Mapping[str, str]

    @property
    def physical_id(self) -> str:
        """What Ref gives of the types that have one identifying property."""
        return "|".join(self.identifier.values())


def resources_to_import(given: Sequence[Mapping[str, Any]]) -> list[ResourceToImport]:
    """ResourcesToImport as the API has it."""
    return [
        ResourceToImport(one["LogicalResourceId"], one["ResourceType"], one["ResourceIdentifier"])
        for one in given
    ]


def planned_imports(
    stack: Stack, revision: Revision, wanted: Sequence[ResourceToImport], stacks: Sequence[Stack]
) -> list[Change]:
    """The changes of an import; ``stacks`` are all there are.

    Raises:
        ValidationError: CloudFormation would refuse it.
    """
    template = revision.template
    if not wanted:
        raise ValidationError(message="ResourcesToImport must be specified for a change set of type IMPORT")
    for one in wanted:
        _check(one, template.resources.get(one.logical_id), stacks)
    imported = {one.logical_id for one in wanted}
    others = {name for name in stack.resources if name not in template.resources}
    others |= {
        name
        for name, entry in template.resources.items()
        if name not in imported
        and (name not in stack.resources or stack.resources[name].template.entry != entry.entry)
    }
    if others:
        raise ValidationError(
            message=f"You have modified resources {sorted(others)} in your template that are not being "
            "imported. Update, create or delete operations cannot be executed during import operations."
        )
    if template.outputs != stack.revision.template.outputs:
        raise ValidationError(
            message="As you are performing an import operation, you cannot modify or add [Outputs]."
        )
    return [Change(Action.IMPORT, one.logical_id, one.type_name, one.physical_id) for one in wanted]


def _check(one: ResourceToImport, entry: ResourceTemplate | None, stacks: Sequence[Stack]) -> None:
    if entry is None or entry.type_name != one.type_name:
        raise ValidationError(
            message=f"Resource {one.logical_id} of type {one.type_name} to import is not in the template"
        )
    if "DeletionPolicy" not in entry.entry:
        raise ValidationError(
            message=f"Resources [{one.logical_id}] is missing deletionPolicy attribute in template"
        )
    schema = schema_of(one.type_name)
    expected = () if schema is None else schema.identifier
    if tuple(one.identifier) != expected:
        raise ValidationError(
            message=f"{one.type_name} is identified by {', '.join(expected)}, not by "
            f"{', '.join(one.identifier)}"
        )
    for stack in stacks:
        for known in stack.resources.values():
            if (known.template.type_name, known.resource.physical_id) == (one.type_name, one.physical_id):
                raise ValidationError(
                    message=f"Resource {one.physical_id} of type {one.type_name} is already managed by "
                    f"stack {stack.name}"
                )


class Import:
    """One import into ``stack``."""

    def __init__(
        self,
        stack: Stack,
        revision: Revision,
        evaluation: Evaluation,
        endpoint_url: str | None,
        wanted: Sequence[ResourceToImport],
    ) -> None:
        self._stack = stack
        self._revision = revision
        self._evaluation = evaluation
        self._provisioner = Provisioner(stack, endpoint_url)
        self._wanted = {one.logical_id: one for one in wanted}

    def begin(self) -> None:
        """Show that it is under way."""
        self._stack.move_to("IMPORT_IN_PROGRESS", "User Initiated")

    def run(self) -> None:
        """Do it; the outcome is the stack's status. Never raises."""
        stack, before = self._stack, dict(self._stack.resources)
        try:
            needs = dependencies(self._revision.template)
            for name in creation_order(needs):
                if name in self._wanted:
                    self._take(self._revision.template.resources[name], needs[name])
        except Exception as error:
            reason = error.message if isinstance(error, CloudFormationError) else str(error)
            if not isinstance(error, (CloudFormationError, ResourceError)):
                traceback.print_exception(error)
            stack.move_to("IMPORT_ROLLBACK_IN_PROGRESS", reason)
            stack.resources = before
            stack.move_to("IMPORT_ROLLBACK_COMPLETE")
            return
        stack.revision = self._revision
        stack.updated = datetime.now(UTC)
        stack.move_to("IMPORT_COMPLETE")

    def _take(self, template: ResourceTemplate, needs: frozenset[str]) -> None:
        name, type_name = template.logical_id, template.type_name
        physical_id = self._wanted[name].physical_id
        self._stack.record(name, physical_id, type_name, "IMPORT_IN_PROGRESS")
        properties = self._evaluation.properties(template)
        try:
            found = self._provisioner.find(template, properties, physical_id)
        except ResourceError as error:
            self._stack.record(name, physical_id, type_name, "IMPORT_FAILED", str(error))
            raise
        self._stack.record(name, physical_id, type_name, "IMPORT_COMPLETE")
        made = StackResource(template, properties, found, needs, "IMPORT_COMPLETE")
        self._stack.resources[name] = self._evaluation.live[name] = made
