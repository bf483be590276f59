"""Stacks from small templates in the shared local AWS."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.eventually import eventually

Template = dict[str, Any]


class StackUnderTest:
    """One stack, changed by change sets as the CDK CLI does it."""

    def __init__(self, name: str, cloudformation: Any) -> None:
        self.name = name
        self.id = name
        self.api = cloudformation
        self._numbers = itertools.count(1)

    def propose(self, resources: Template, *, kind: str, **sections: Any) -> Any:
        """A change set to make the stack's resources ``resources``, described."""
        change_set = f"c{next(self._numbers)}"
        made = self.api.create_change_set(
            StackName=self.name,
            ChangeSetName=change_set,
            ChangeSetType=kind,
            TemplateBody=json.dumps({"Resources": resources, **sections}),
            Capabilities=["CAPABILITY_IAM"],
        )
        self.id = made["StackId"]
        return self.api.describe_change_set(StackName=self.name, ChangeSetName=change_set)

    def deploy(self, resources: Template, **sections: Any) -> str:
        """Create or update the stack; its status at the end."""
        kind = "CREATE" if self.id == self.name else "UPDATE"
        change_set = self.propose(resources, kind=kind, **sections)
        assert change_set["Status"] == "CREATE_COMPLETE", change_set["StatusReason"]
        self.api.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
        return self.settled()

    def take_over(self, resources: Template, imports: dict[str, tuple[str, dict[str, str]]]) -> str:
        """Import ``logical id: (type, identifier)`` into the stack; its status at the end."""
        name = f"c{next(self._numbers)}"
        made = self.api.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType="IMPORT",
            TemplateBody=json.dumps({"Resources": resources}),
            ResourcesToImport=[
                {"LogicalResourceId": key, "ResourceType": type_name, "ResourceIdentifier": identifier}
                for key, (type_name, identifier) in imports.items()
            ],
        )
        self.id = made["StackId"]
        self.api.execute_change_set(ChangeSetName=made["Id"])
        return self.settled()

    def delete(self) -> str:
        """Delete the stack; its status at the end."""
        self.api.delete_stack(StackName=self.id)
        return self.settled()

    def settled(self) -> str:
        """The status when nothing is in progress any more."""

        def status() -> str | None:
            now: str = self.described()["StackStatus"]
            return None if now.endswith("IN_PROGRESS") else now

        return str(eventually(status, f"{self.name} settled", seconds=30, every=0.05))

    def described(self) -> Any:
        return self.api.describe_stacks(StackName=self.id)["Stacks"][0]

    def outputs(self) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.described()["Outputs"]}

    def events(self) -> list[tuple[str, str]]:
        """(logical id, status) of every event, oldest first."""
        events = self.api.describe_stack_events(StackName=self.id)["StackEvents"][::-1]
        return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in events]

    def reasons(self) -> str:
        """Every reason that an event gives."""
        events = self.api.describe_stack_events(StackName=self.id)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def physical_id(self, logical_id: str) -> str:
        detail = self.api.describe_stack_resource(StackName=self.id, LogicalResourceId=logical_id)
        found: str = detail["StackResourceDetail"]["PhysicalResourceId"]
        return found


_numbers = itertools.count(1)


@pytest.fixture
def new_stack(client: Callable[[str], Any]) -> Iterator[Callable[[], StackUnderTest]]:
    """Makes stacks with names of their own, and deletes them after the test."""
    made: list[StackUnderTest] = []

    def make() -> StackUnderTest:
        made.append(StackUnderTest(f"test-{next(_numbers)}", client("cloudformation")))
        return made[-1]

    yield make
    for stack in reversed(made):
        if stack.id != stack.name:
            stack.delete()


@pytest.fixture
def stack(new_stack: Callable[[], StackUnderTest]) -> StackUnderTest:
    """One stack that does not exist yet."""
    return new_stack()
