"""CloudFormation's backend: stacks, change sets and exports of one account in one region.

It takes the place of moto's own; what it does not override (stack sets) is moto's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import ClassVar

from moto.cloudformation import urls
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, cloudformation_backends
from moto.cloudformation.utils import generate_changeset_id
from moto.core.exceptions import ServiceException
from moto.core.resource_tagging import TaggedResource
from moto.ssm.models import ssm_backends

from darkroom.sandbox.cloudformation import operations
from darkroom.sandbox.cloudformation.change_set import NO_CHANGES, ChangeSet, ChangeSetNotFoundError
from darkroom.sandbox.cloudformation.evaluation import Evaluation
from darkroom.sandbox.cloudformation.exports import export_values, refuse_taken_exports
from darkroom.sandbox.cloudformation.importing import Import, ResourceToImport, planned_imports
from darkroom.sandbox.cloudformation.known_stacks import KnownStacks
from darkroom.sandbox.cloudformation.parameters import parameter_values
from darkroom.sandbox.cloudformation.plan import Change, changes
from darkroom.sandbox.cloudformation.stack import Revision, Stack

# The CDK CLI looks at once and then every 5 seconds. Most stacks are done sooner: the call that
# starts one waits this long, so that the first look sees the end.
_QUICK_SECONDS = 3.0


class SandboxCloudFormationBackend(CloudFormationBackend):
    """Stacks of one account and region. Operations run on a thread each; the API answers before they end.

    Attributes:
        endpoint_url: the AWS that resources are made in; None is botocore's default.
    """

    endpoint_url: ClassVar[str | None] = None

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._known = KnownStacks(account_id, region_name)
        self._change_sets: dict[str, ChangeSet] = {}

    @property
    def _url_module(self) -> ModuleType:
        """moto derives it from the class's module, which is not one of its own here."""
        return urls

    def find(self, name_or_id: str) -> Stack:
        """The stack of that id, or the one of that name that is not deleted.

        Raises:
            ValidationError: there is none.
        """
        return self._known.find(name_or_id)

    def existing(self) -> list[Stack]:
        """The stacks that are not deleted."""
        return self._known.existing()

    def every_stack(self) -> list[Stack]:
        """All stacks there ever were, deleted ones too."""
        return self._known.every()

    def export_values(self) -> dict[str, tuple[str, Stack]]:
        """Value and exporting stack, by export name."""
        return export_values(self.existing())

    def importers(self, export_name: str) -> list[str]:
        """Names of the stacks that import ``export_name``."""
        return [stack.name for stack in self.existing() if export_name in stack.imports]

    def start_create(self, stack: Stack, revision: Revision) -> None:
        """Create a new stack in the background.

        Raises:
            AlreadyExistsException: there is one of that name.
            ValidationError: the template or the parameters are wrong.
        """
        self._planned(stack, revision)
        self._known.register(stack)
        self._start(stack, self._begun(stack, revision).run)

    def start_update(self, stack: Stack, revision: Revision) -> None:
        """Update a stack in the background.

        Raises:
            ValidationError: it can't be updated now, nothing would change, or the template is wrong.
        """
        stack.require_updatable()
        if not self._differs(stack, revision, self._planned(stack, revision)):
            raise ValidationError(message="No updates are to be performed.")
        self._start(stack, self._begun(stack, revision).run)

    def start_delete(self, stack: Stack, retain: list[str]) -> None:
        """Delete a stack in the background; when an operation runs on it, after that.

        Raises:
            ValidationError: the stack is protected.
        """
        if stack.termination_protection:
            raise ValidationError(
                message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if stack.status not in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
            stack.move_to("DELETE_IN_PROGRESS", "User Initiated")
            self._start(stack, lambda: self._delete(stack, retain))

    def new_change_set(
        self,
        name: str,
        kind: str,
        stack_name: str,
        revision: Revision,
        description: str | None,
        imports: Sequence[ResourceToImport] = (),
    ) -> ChangeSet:
        """Compute what ``revision`` would change and keep it as a change set.

        Raises:
            ValidationError: no such stack to update, or the template or the parameters are wrong.
        """
        kinds = {"UPDATE": self._known.to_update, "IMPORT": self._known.to_import_into}
        stack = kinds.get(kind, self._known.to_create)(stack_name)
        planned = (
            planned_imports(stack, revision, imports, self.existing())
            if kind == "IMPORT"
            else self._planned(stack, revision)
        )
        if self._known.register(stack):
            stack.move_to("REVIEW_IN_PROGRESS", "User Initiated")
        differs = kind != "UPDATE" or self._differs(stack, revision, planned)
        change_set = ChangeSet(
            change_set_id=generate_changeset_id(name, self.region_name, self.account_id),
            name=name,
            kind=kind,
            stack=stack,
            revision=revision,
            description=description,
            changes=planned,
            imports=tuple(imports),
            status="CREATE_COMPLETE" if differs else "FAILED",
            execution_status="AVAILABLE" if differs else "UNAVAILABLE",
            status_reason=None if differs else NO_CHANGES,
        )
        self._change_sets[change_set.change_set_id] = change_set
        return change_set

    def find_change_set(self, name_or_id: str, stack_name: str | None) -> ChangeSet:
        """The change set of that ARN, or of that name in a stack.

        Raises:
            ChangeSetNotFoundError: there is none.
        """
        if name_or_id in self._change_sets:
            return self._change_sets[name_or_id]
        for change_set in self.change_sets_of(stack_name) if stack_name else []:
            if change_set.name == name_or_id:
                return change_set
        raise ChangeSetNotFoundError(f"ChangeSet [{name_or_id}] does not exist")

    def change_sets_of(self, stack_name: str) -> list[ChangeSet]:
        """A stack's change sets."""
        stack = self.find(stack_name)
        return [known for known in list(self._change_sets.values()) if known.stack is stack]

    def drop_change_set(self, change_set: ChangeSet) -> None:
        """Forget a change set."""
        self._change_sets.pop(change_set.change_set_id, None)

    def start_execution(self, change_set: ChangeSet) -> None:
        """Make a change set's changes in the background; the stack's other change sets are void.

        Raises:
            ValidationError: it can't be executed now.
        """
        if change_set.execution_status != "AVAILABLE":
            raise ServiceException(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of "
                f"[{change_set.status}]",
            )
        stack = change_set.stack
        if change_set.kind == "UPDATE":
            stack.require_updatable()
        deployment = self._begun(stack, change_set.revision, change_set.imports)
        change_set.execution_status = "EXECUTE_IN_PROGRESS"

        def execute() -> None:
            deployment.run()
            done = stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
            change_set.execution_status = "EXECUTE_COMPLETE" if done else "EXECUTE_FAILED"
            for other in self.change_sets_of(stack.stack_id):
                self.drop_change_set(other)

        self._start(stack, execute)

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        for stack in self.existing():
            yield TaggedResource(arn=stack.stack_id, tags=stack.tags, resource_type="cloudformation:stack")

    def _evaluation(self, stack: Stack, revision: Revision) -> Evaluation:
        values = parameter_values(revision.template.parameters, revision.parameters, self._stored_parameter)
        return Evaluation(
            stack,
            revision.template,
            values,
            lambda: {name: value for name, (value, _) in self.export_values().items()},
        )

    def _stored_parameter(self, name: str) -> str:
        parameter = ssm_backends[self.account_id][self.region_name].get_parameter(name)
        if parameter is None:
            raise ValidationError(message=f"Unable to fetch parameters [{name}] from parameter store")
        return str(parameter.value)

    def _planned(self, stack: Stack, revision: Revision) -> list[Change]:
        return changes(stack, revision.template, self._evaluation(stack, revision))

    def _differs(self, stack: Stack, revision: Revision, planned: list[Change]) -> bool:
        old = stack.revision
        return bool(planned) or old.template.outputs != revision.template.outputs or old.tags != revision.tags

    def _start(self, stack: Stack, work: Callable[[], None]) -> None:
        def run() -> None:
            with stack.operation:
                work()

        thread = threading.Thread(target=run, name=f"stack {stack.name}", daemon=True)
        thread.start()
        thread.join(_QUICK_SECONDS)

    def _begun(
        self, stack: Stack, revision: Revision, imports: Sequence[ResourceToImport] = ()
    ) -> operations.Deployment | Import:
        evaluation = self._evaluation(stack, revision)
        stack.resolved_parameters = evaluation.parameters
        deployment = (
            Import(stack, revision, evaluation, self.endpoint_url, imports)
            if imports
            else operations.Deployment(stack, revision, evaluation, self.endpoint_url, self._check_exports)
        )
        deployment.begin()
        return deployment

    def _check_exports(self, stack: Stack) -> None:
        refuse_taken_exports(stack, self.existing())

    def _delete(self, stack: Stack, retain: list[str]) -> None:
        if stack.status != "DELETE_IN_PROGRESS":
            # The operation that ran when the deletion was asked for has ended since.
            stack.move_to("DELETE_IN_PROGRESS", "User Initiated")
        for output in stack.outputs:
            users = self.importers(output.export_name) if output.export_name else []
            if users:
                stack.move_to(
                    "DELETE_FAILED",
                    f"Delete canceled. Cannot delete export {output.export_name} as it is in use by "
                    f"{', '.join(users)}.",
                )
                return
        operations.delete(stack, self.endpoint_url, retain)


def backend_of(account_id: str, region: str) -> SandboxCloudFormationBackend:
    """The backend of an account in a region, with the sandbox's installed."""
    backend = cloudformation_backends[account_id][region]
    if not isinstance(backend, SandboxCloudFormationBackend):
        raise RuntimeError("moto's own CloudFormation is in place: call cloudformation.install first")
    return backend
