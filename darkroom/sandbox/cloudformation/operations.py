"""Creating, updating and deleting a whole stack, with roll-back.

The order is CloudFormation's: resources are made and changed after all that they need; what is
replaced or removed is deleted at the very end, in the clean-up phase, when the new things work;
a failure takes everything back.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from moto.cloudformation.exceptions import CloudFormationError

from darkroom.sandbox.cloudformation.custom_resource import is_custom
from darkroom.sandbox.cloudformation.evaluation import Evaluation
from darkroom.sandbox.cloudformation.graph import creation_order, dependencies
from darkroom.sandbox.cloudformation.handler import ReplacementNeededError, Resource
from darkroom.sandbox.cloudformation.plan import Action, action_on
from darkroom.sandbox.cloudformation.provision import Provisioner, ResourceError, unsupported
from darkroom.sandbox.cloudformation.stack import Revision, Stack, StackResource
from darkroom.sandbox.cloudformation.template import ResourceTemplate

_NOTHING = Resource("")


class DeploymentError(Exception):
    """The stack could not become what it should; the text is the reason to show for it."""


@dataclass(frozen=True)
class _Step:
    """Something a deployment did to a resource, so that it can be taken back.

    Attributes:
        before: the resource as it was; None when it was not there.
        after: what was made, or what was tried in place.
        in_place: whether ``before`` and ``after`` are the same physical resource.
    """

    before: StackResource | None
    after: StackResource
    in_place: bool = False


class Deployment:
    """One create or update of ``stack`` to ``revision``."""

    def __init__(
        self,
        stack: Stack,
        revision: Revision,
        evaluation: Evaluation,
        endpoint_url: str | None,
        check_exports: Callable[[Stack], None],
    ) -> None:
        self._stack = stack
        self._revision = revision
        self._evaluation = evaluation
        self._endpoint_url = endpoint_url
        self._check_exports = check_exports
        self._provisioner = Provisioner(stack, endpoint_url)
        self._steps: list[_Step] = []
        self._original = dict(stack.resources)
        self._operation = "CREATE" if stack.status == "REVIEW_IN_PROGRESS" else "UPDATE"

    def begin(self) -> None:
        """Show that it is under way; a caller who asks from now on must not see the old status."""
        self._stack.move_to(f"{self._operation}_IN_PROGRESS", "User Initiated")

    def run(self) -> None:
        """Do it; the outcome is the stack's status. Never raises: a stack must not stay in progress."""
        stack = self._stack
        old_outputs, old_imports = stack.outputs, stack.imports
        try:
            self._apply()
        except Exception as error:
            stack.outputs, stack.imports = old_outputs, old_imports
            self._give_up(_told(error))
            return
        stack.revision = self._revision
        if self._operation == "UPDATE":
            stack.updated = datetime.now(UTC)
            stack.move_to("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            self._clean_up()
        stack.move_to(f"{self._operation}_COMPLETE")

    def _apply(self) -> None:
        active = self._evaluation.active()
        self._refuse_unsupported(active.values())
        needs = dependencies(self._revision.template)
        for name in creation_order({name: needs[name] & active.keys() for name in active}):
            self._apply_to(active[name], needs[name] & active.keys())
        self._stack.imports = frozenset(self._evaluation.imports)
        self._stack.outputs = self._evaluation.outputs(self._endpoint_url)
        self._check_exports(self._stack)

    def _refuse_unsupported(self, templates: Iterable[ResourceTemplate]) -> None:
        """Fail before anything is made, and name all the types at fault, not the first."""
        refused = []
        for template in templates:
            reason = unsupported(template.type_name)
            if reason is not None:
                refused.append(template.logical_id)
                self._stack.record(template.logical_id, "", template.type_name, "CREATE_FAILED", reason)
        if refused:
            raise DeploymentError(_failed_to(self._operation, refused))

    def _apply_to(self, template: ResourceTemplate, needs: frozenset[str]) -> None:
        current = self._stack.resources.get(template.logical_id)
        doing = "CREATE"
        try:
            properties = self._evaluation.properties(template)
            action = action_on(current, template, properties)
            if action is Action.KEEP and current is not None:
                self._settle(replace(current, template=template, needs=needs))
                return
            doing = "CREATE" if action is Action.ADD else "UPDATE"
            self._stack.record(
                template.logical_id,
                current.resource.physical_id if current else "",
                template.type_name,
                f"{doing}_IN_PROGRESS",
                "Requested update requires the creation of a new physical resource; hence creating one."
                if action is Action.REPLACE
                else None,
            )
            desired = StackResource(template, properties, _NOTHING, needs, f"{doing}_COMPLETE")
            made = self._carry_out(action, current, desired)
        except (ResourceError, CloudFormationError) as error:
            reason = error.message if isinstance(error, CloudFormationError) else str(error)
            self._stack.record(template.logical_id, "", template.type_name, f"{doing}_FAILED", reason)
            raise DeploymentError(_failed_to(self._operation, [template.logical_id])) from error
        self._stack.record(template.logical_id, made.resource.physical_id, template.type_name, made.status)
        self._settle(made)

    def _carry_out(
        self, action: Action, current: StackResource | None, desired: StackResource
    ) -> StackResource:
        if current is not None and action is Action.MODIFY:
            try:
                return self._change(current, desired)
            except ReplacementNeededError:
                self._steps.pop()
        made = replace(desired, resource=self._provisioner.create(desired.template, desired.properties))
        self._steps.append(_Step(current, made))
        return made

    def _change(self, current: StackResource, desired: StackResource) -> StackResource:
        # Noted before it is tried: an update that fails half-way has to be taken back, too.
        self._steps.append(_Step(current, replace(desired, resource=current.resource), in_place=True))
        changed = self._provisioner.update(current, desired.template, desired.properties)
        made = replace(desired, resource=changed)
        replaced = changed.physical_id != current.resource.physical_id
        # A custom resource asks for its replacement by answering another physical id.
        self._steps[-1] = _Step(
            current, made, in_place=not (replaced and is_custom(desired.template.type_name))
        )
        return made

    def _settle(self, resource: StackResource) -> None:
        name = resource.template.logical_id
        self._stack.resources[name] = self._evaluation.live[name] = resource

    def _clean_up(self) -> None:
        """Delete what was replaced and what the template no longer has.

        As on AWS a resource that can't be deleted now is left behind and said to be, and the
        update stands.
        """
        stack, active = self._stack, self._evaluation.active()
        removed = [stack.resources[name] for name in deletion_order(stack.resources) if name not in active]
        for step in reversed(self._steps):
            if step.before is not None and not step.in_place:
                keep = step.before.template.update_replace_policy != "Delete"
                _delete(stack, self._provisioner, step.before, keep=keep)
        for old in removed:
            _delete(stack, self._provisioner, old, keep=old.template.deletion_policy != "Delete")
            del stack.resources[old.template.logical_id]

    def _give_up(self, reason: str) -> None:
        stack = self._stack
        if stack.disable_rollback:
            stack.move_to(f"{self._operation}_FAILED", reason)
            return
        prefix = "" if self._operation == "CREATE" else "UPDATE_"
        stack.move_to(f"{prefix}ROLLBACK_IN_PROGRESS", reason)
        failed = self._take_back()
        if failed:
            stack.move_to(f"{prefix}ROLLBACK_FAILED", _failed_to("ROLLBACK", failed))
        else:
            stack.move_to(f"{prefix}ROLLBACK_COMPLETE")

    def _take_back(self) -> list[str]:
        """Undo the steps, last first: changes back, then what was made. Returns what failed."""
        stack, failed = self._stack, []
        for step in reversed(self._steps):
            if step.in_place and step.before is not None and not self._restore(step.before, step.after):
                failed.append(step.before.template.logical_id)
        stack.resources = dict(self._original)
        for step in reversed(self._steps):
            # RetainExceptOnCreate retains save for what this very operation made.
            keep = step.after.template.deletion_policy == "Retain"
            if not step.in_place and not _delete(stack, self._provisioner, step.after, keep=keep):
                name = step.after.template.logical_id
                stack.resources.setdefault(name, step.after)
                failed.append(name)
        return failed

    def _restore(self, before: StackResource, now: StackResource) -> bool:
        """Update a resource back to what it was."""
        template, physical_id = before.template, before.resource.physical_id
        for_resource = (template.logical_id, physical_id, template.type_name)
        self._stack.record(*for_resource, "UPDATE_IN_PROGRESS")
        try:
            self._provisioner.update(now, template, before.properties)
        except (ResourceError, ReplacementNeededError) as error:
            self._stack.record(*for_resource, "UPDATE_FAILED", str(error))
            return False
        self._stack.record(*for_resource, "UPDATE_COMPLETE")
        return True


def _told(error: Exception) -> str:
    """The reason to show for ``error``; one that no rule of CloudFormation's raised is our fault."""
    if isinstance(error, DeploymentError):
        return str(error)
    if isinstance(error, CloudFormationError):
        return error.message
    traceback.print_exception(error)
    return f"The local AWS failed: {type(error).__name__}: {error}"


def delete(stack: Stack, endpoint_url: str | None, retain: Iterable[str] = ()) -> None:
    """Delete a stack's resources, each after all that need it.

    What a resource that could not be deleted needs is left alone; the rest is deleted.
    """
    provisioner = Provisioner(stack, endpoint_url)
    retained, failed = set(retain), []
    blocked: set[str] = set()
    for name in deletion_order(stack.resources):
        resource = stack.resources[name]
        keep = name in retained or resource.template.deletion_policy != "Delete"
        if name in blocked:
            blocked |= resource.needs
        elif _delete(stack, provisioner, resource, keep=keep):
            del stack.resources[name]
        else:
            failed.append(name)
            blocked |= resource.needs
    if failed:
        stack.move_to("DELETE_FAILED", _failed_to("DELETE", failed))
    else:
        stack.deleted = datetime.now(UTC)
        stack.move_to("DELETE_COMPLETE")


def deletion_order(resources: dict[str, StackResource]) -> list[str]:
    """Names of ``resources``, each before all that it needs."""
    needs = {name: resource.needs & resources.keys() for name, resource in resources.items()}
    return creation_order(needs)[::-1]


def _delete(stack: Stack, provisioner: Provisioner, resource: StackResource, *, keep: bool) -> bool:
    name, type_name = resource.template.logical_id, resource.template.type_name
    physical_id = resource.resource.physical_id
    if keep:
        stack.record(name, physical_id, type_name, "DELETE_SKIPPED")
        return True
    stack.record(name, physical_id, type_name, "DELETE_IN_PROGRESS")
    try:
        provisioner.delete(resource)
    except ResourceError as error:
        stack.record(name, physical_id, type_name, "DELETE_FAILED", str(error))
        if name in stack.resources:
            stack.resources[name] = replace(resource, status="DELETE_FAILED", reason=str(error))
        return False
    stack.record(name, physical_id, type_name, "DELETE_COMPLETE")
    return True


def _failed_to(operation: str, names: list[str]) -> str:
    return f"The following resource(s) failed to {operation.lower()}: [{', '.join(names)}]. "
