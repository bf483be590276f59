"""What a stack is: its resources, outputs, events and status."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.utils import generate_stack_id

from darkroom.sandbox.cloudformation.handler import Resource
from darkroom.sandbox.cloudformation.template import EMPTY, ResourceTemplate, Template

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


@dataclass(frozen=True)
class StackResource:
    """A resource as it stands.

    Attributes:
        template: the template's entry that it was last made or updated from.
        properties: the resolved properties that were applied.
        resource: its physical id and attributes.
        needs: the logical ids that must outlive it.
    """

    template: ResourceTemplate
    properties: dict[str, Any]
    resource: Resource
    needs: frozenset[str]
    status: str
    reason: str | None = None
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class StackEvent:
    """One line of a stack's history, of the stack itself or of a resource."""

    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type_name: str
    status: str
    reason: str | None
    timestamp: datetime
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Output:
    """A stack's output, and the name under which it is exported."""

    key: str
    value: str
    description: str | None = None
    export_name: str | None = None


@dataclass(frozen=True)
class Revision:
    """What a stack shall become: a template, its parameters as given, and the stack's tags."""

    template: Template
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Stack:
    """A stack. ``operation`` is held by the one operation that works on it."""

    name: str
    account_id: str
    region: str
    stack_id: str
    revision: Revision = field(default_factory=lambda: Revision(EMPTY))
    status: str = "REVIEW_IN_PROGRESS"
    status_reason: str | None = None
    termination_protection: bool = False
    disable_rollback: bool = False
    role_arn: str | None = None
    notification_arns: list[str] = field(default_factory=list)
    resolved_parameters: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, StackResource] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    imports: frozenset[str] = frozenset()
    events: list[StackEvent] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime | None = None
    deleted: datetime | None = None
    operation: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def new(cls, name: str, account_id: str, region: str) -> Stack:
        """A stack that has nothing yet."""
        return cls(name, account_id, region, generate_stack_id(name, region, account_id))

    @property
    def tags(self) -> dict[str, str]:
        """The stack's tags, where moto's tagging API looks for them."""
        return self.revision.tags

    def require_updatable(self) -> None:
        """Refuse an update where CloudFormation would.

        Raises:
            ValidationError: an operation is under way, or the last one left nothing to update.
        """
        if self.status not in _UPDATABLE:
            raise ValidationError(
                message=f"Stack:{self.stack_id} is in {self.status} state and can not be updated."
            )

    def move_to(self, status: str, reason: str | None = None) -> None:
        """Give the stack a status and record the event."""
        self.status, self.status_reason = status, reason
        self.record(self.name, self.stack_id, "AWS::CloudFormation::Stack", status, reason)

    def record(
        self, logical_id: str, physical_id: str, type_name: str, status: str, reason: str | None = None
    ) -> None:
        """Add an event to the stack's history."""
        now = datetime.now(UTC)
        if self.events:
            # The CDK CLI sorts by time, to the millisecond.
            now = max(now, self.events[-1].timestamp + timedelta(milliseconds=1))
        self.events.append(
            StackEvent(self.stack_id, self.name, logical_id, physical_id, type_name, status, reason, now)
        )
