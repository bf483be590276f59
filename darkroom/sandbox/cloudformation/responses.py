"""CloudFormation's API for stacks and change sets; stack sets are moto's.

Requests and answers are the shapes of botocore's CloudFormation model.
"""

from __future__ import annotations

import contextlib
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudformation.utils import validate_create_change_set
from moto.core.responses import ActionResult, EmptyResult

from darkroom.sandbox.cloudformation import descriptions
from darkroom.sandbox.cloudformation.backend import SandboxCloudFormationBackend, backend_of
from darkroom.sandbox.cloudformation.change_set import ChangeSet, ChangeSetNotFoundError
from darkroom.sandbox.cloudformation.importing import resources_to_import
from darkroom.sandbox.cloudformation.stack import Revision, Stack
from darkroom.sandbox.cloudformation.template import parse


class SandboxCloudFormationResponse(CloudFormationResponse):
    """One request."""

    # moto's turn its own models' fields into lists; ours are lists already.
    RESPONSE_KEY_PATH_TO_TRANSFORMER = {  # noqa: RUF012 - moto declares it so
        path: transform
        for path, transform in CloudFormationResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER.items()
        if path.startswith("DescribeStackSetOutput.")
    }

    @property
    def backend(self) -> SandboxCloudFormationBackend:
        """The stacks of the request's account and region."""
        return backend_of(self.current_account, self.region)

    def create_stack(self) -> ActionResult:
        self._refuse("RollbackConfiguration", "StackPolicyBody", "StackPolicyURL", "TimeoutInMinutes")
        stack = Stack.new(self._get_param("StackName"), self.current_account, self.region)
        self._set_options(stack)
        # An older way to say DisableRollback.
        stack.disable_rollback |= self._get_param("OnFailure") == "DO_NOTHING"
        stack.termination_protection = bool(self._get_param("EnableTerminationProtection"))
        self.backend.start_create(stack, self._revision(None))
        return ActionResult({"StackId": stack.stack_id})

    def update_stack(self) -> ActionResult:
        self._refuse("RollbackConfiguration", "StackPolicyBody", "StackPolicyURL")
        stack = self.backend.find(self._get_param("StackName"))
        self._set_options(stack)
        self.backend.start_update(stack, self._revision(stack))
        return ActionResult({"StackId": stack.stack_id})

    def delete_stack(self) -> ActionResult:
        try:
            stack = self.backend.find(self._get_param("StackName"))
        except ValidationError:
            return EmptyResult()  # deleting a stack that does not exist succeeds
        self.backend.start_delete(stack, self._get_param("RetainResources", []))
        return EmptyResult()

    def create_change_set(self) -> ActionResult:
        name, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
        kind = self._get_param("ChangeSetType", "UPDATE")
        validate_create_change_set(name)
        # ImportExistingResources, which cdk bootstrap sets, changes nothing where nothing exists; what
        # does exist fails its creation by name.
        self._refuse("OnStackFailure", "RollbackConfiguration")
        previous = self.backend.find(stack_name) if kind == "UPDATE" else None
        made = self.backend.new_change_set(
            name,
            kind,
            stack_name,
            self._revision(previous),
            self._get_param("Description"),
            resources_to_import(self._get_param("ResourcesToImport", [])),
        )
        made.stack.role_arn = self._get_param("RoleARN") or made.stack.role_arn
        return ActionResult({"Id": made.change_set_id, "StackId": made.stack.stack_id})

    def describe_change_set(self) -> ActionResult:
        return ActionResult(descriptions.change_set(self._change_set()))

    def list_change_sets(self) -> ActionResult:
        found = self.backend.change_sets_of(self._get_param("StackName"))
        return ActionResult({"Summaries": [descriptions.change_set(known) for known in found]})

    def delete_change_set(self) -> ActionResult:
        # Deleting what is not there succeeds; the CDK CLI clears the way for its own like that.
        with contextlib.suppress(ChangeSetNotFoundError):
            self.backend.drop_change_set(self._change_set())
        return EmptyResult()

    def execute_change_set(self) -> ActionResult:
        change_set = self._change_set()
        change_set.stack.disable_rollback = bool(self._get_param("DisableRollback"))
        self.backend.start_execution(change_set)
        return EmptyResult()

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        found = [self.backend.find(name)] if name else self.backend.existing()
        return ActionResult({"Stacks": [descriptions.stack(known) for known in found]})

    def list_stacks(self) -> ActionResult:
        wanted = self._get_param("StackStatusFilter", [])
        found = [known for known in self.backend.every_stack() if not wanted or known.status in wanted]
        return ActionResult({"StackSummaries": [descriptions.stack(known) for known in found]})

    def describe_stack_events(self) -> ActionResult:
        stack = self.backend.find(self._get_param("StackName"))
        return ActionResult({"StackEvents": [descriptions.event(event) for event in stack.events[::-1]]})

    def describe_stack_resource(self) -> ActionResult:
        stack, wanted = self.backend.find(self._get_param("StackName")), self._get_param("LogicalResourceId")
        if wanted not in stack.resources:
            raise ValidationError(message=f"Resource {wanted} does not exist for stack {stack.name}")
        return ActionResult({"StackResourceDetail": descriptions.resource(stack, stack.resources[wanted])})

    def describe_stack_resources(self) -> ActionResult:
        name, wanted = self._get_param("StackName"), self._get_param("LogicalResourceId")
        if not name:
            raise ValidationError(message="DescribeStackResources needs a StackName in the local AWS")
        stack = self.backend.find(name)
        found = [known for key, known in stack.resources.items() if wanted in (None, key)]
        return ActionResult({"StackResources": [descriptions.resource(stack, known) for known in found]})

    def list_stack_resources(self) -> ActionResult:
        stack = self.backend.find(self._get_param("StackName"))
        found = [descriptions.resource(stack, known) for known in stack.resources.values()]
        return ActionResult({"StackResourceSummaries": found})

    def get_template(self) -> ActionResult:
        if self._get_param("ChangeSetName"):
            return ActionResult({"TemplateBody": self._change_set().revision.template.body})
        stack = self.backend.find(self._get_param("StackName"))
        stages = ["Original", "Processed"]
        return ActionResult({"TemplateBody": stack.revision.template.body, "StagesAvailable": stages})

    def get_template_summary(self) -> ActionResult:
        name = self._get_param("StackName")
        template = self.backend.find(name).revision.template if name else parse(self._body())
        return ActionResult(descriptions.template_summary(template))

    def validate_template(self) -> ActionResult:
        return ActionResult(descriptions.template_summary(parse(self._body())))

    def list_exports(self) -> ActionResult:
        exports = self.backend.export_values().items()
        return ActionResult(
            {
                "Exports": [
                    {"Name": name, "Value": value, "ExportingStackId": stack.stack_id}
                    for name, (value, stack) in exports
                ]
            }
        )

    def list_imports(self) -> ActionResult:
        name = self._get_param("ExportName")
        importers = self.backend.importers(name)
        if not importers:
            raise ValidationError(message=f"Export '{name}' is not imported by any stack.")
        return ActionResult({"Imports": importers})

    def update_termination_protection(self) -> ActionResult:
        stack = self.backend.find(self._get_param("StackName"))
        stack.termination_protection = bool(self._get_param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.stack_id})

    def _change_set(self) -> ChangeSet:
        return self.backend.find_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))

    def _refuse(self, *options: str) -> None:
        """Refuse what would silently do nothing."""
        for option in options:
            if self._get_param(option):
                raise NotImplementedError(f"it does not play the option {option}")

    def _set_options(self, stack: Stack) -> None:
        stack.role_arn = self._get_param("RoleARN") or stack.role_arn
        stack.disable_rollback = bool(self._get_param("DisableRollback"))
        stack.notification_arns = self._get_param("NotificationARNs", stack.notification_arns)

    def _revision(self, previous: Stack | None) -> Revision:
        """What the request asks a stack to become; what it leaves out stays as it was."""
        tags = self._get_param("Tags")
        old = previous.revision if previous else None
        template = old.template if old and self._get_param("UsePreviousTemplate") else parse(self._body())
        parameters = {}
        for given in self._get_param("Parameters", []):
            key = given["ParameterKey"]
            if not given.get("UsePreviousValue"):
                parameters[key] = given["ParameterValue"]
            elif old and key in old.parameters:
                parameters[key] = old.parameters[key]
            elif not old or key not in old.template.parameters:
                raise ValidationError(message=f"Parameter {key} has no previous value to use")
        kept = old.tags if old else {}
        return Revision(
            template, parameters, kept if tags is None else {tag["Key"]: tag["Value"] for tag in tags}
        )

    def _body(self) -> str:
        body: Any = self._get_param("TemplateBody")
        url = self._get_param("TemplateURL")
        if bool(body) == bool(url):
            raise ValidationError(message="Either Template URL or Template Body must be specified.")
        return str(body or self._get_stack_from_s3_url(url))
