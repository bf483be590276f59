"""A change set: what a stack shall become, and what that would change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from moto.core.exceptions import ServiceException

from darkroom.sandbox.cloudformation.importing import ResourceToImport
from darkroom.sandbox.cloudformation.plan import Change
from darkroom.sandbox.cloudformation.stack import Revision, Stack

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
"""Why a change set without changes failed, in CloudFormation's words: the CDK CLI looks for them."""


class ChangeSetNotFoundError(ServiceException):
    """No change set of that name or ARN."""

    code = "ChangeSetNotFoundException"


@dataclass
class ChangeSet:
    """A revision of a stack that was computed and waits to be executed."""

    change_set_id: str
    name: str
    kind: str
    stack: Stack
    revision: Revision
    description: str | None
    changes: list[Change]
    status: str
    execution_status: str
    status_reason: str | None = None
    imports: tuple[ResourceToImport, ...] = ()
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
