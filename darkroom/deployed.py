"""A deployed campaign's CloudFormation stacks: how they stand, what they put out, what is in them.

Nothing else asks CloudFormation for that. What begins with ``find`` is content with no stack; what begins
with ``read`` wants it there, and says what may be wrong where it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import botocore.exceptions


class NotDeployedError(LookupError):
    """There is no deployed campaign of that name in the account and region of the credentials."""


@dataclass(frozen=True)
class Stack:
    """One stack.

    Attributes:
        id: its ARN.
        status: CloudFormation's, such as UPDATE_COMPLETE.
        changed_at: when it was last created or updated.
        outputs, tags: by key.
    """

    id: str
    name: str
    status: str
    created_at: datetime
    changed_at: datetime
    description: str
    outputs: Mapping[str, str]
    tags: Mapping[str, str]

    @property
    def is_changing(self) -> bool:
        """An operation is under way."""
        return self.status.endswith("_IN_PROGRESS")


@dataclass(frozen=True)
class Resource:
    """What a stack has made, such as AWS::SQS::Queue DeadLetters1A2B3C4D with a queue's URL for its id."""

    logical_id: str
    type: str
    physical_id: str


def find_stack(name: str, cloudformation: Any) -> Stack | None:
    """The stack of that name; None where there is none.

    Raises:
        botocore's errors: CloudFormation did not say.
    """
    with _absent_is_fine():
        return _described(name, cloudformation)
    return None


def find_resources(stack: str, cloudformation: Any) -> tuple[Resource, ...]:
    """What a stack has made so far; nothing where there is no such stack.

    Raises:
        botocore's errors: CloudFormation did not say.
    """
    with _absent_is_fine():
        return _listed(stack, cloudformation)
    return ()


def read_stack(name: str, session: Any) -> Stack:
    """The stack of that name.

    Raises:
        NotDeployedError: there is none, or nothing answers where the session looks.
    """
    with _deployed(name, session):
        return _described(name, session.client("cloudformation"))


def read_resources(stack: str, session: Any) -> tuple[Resource, ...]:
    """What a stack has made so far.

    Raises:
        NotDeployedError: there is no such stack, or nothing answers where the session looks.
    """
    with _deployed(stack, session):
        return _listed(stack, session.client("cloudformation"))


def stack_outputs(stack: str, session: Any) -> Mapping[str, str]:
    """The outputs of a stack, by key.

    Raises:
        NotDeployedError: there is no such stack, or nothing answers where the session looks.
    """
    return read_stack(stack, session).outputs


def physical_ids(resources: Iterable[Resource], resource_type: str, logical: str = "") -> list[str]:
    """Physical ids of the resources of a type whose logical id begins with ``logical``."""
    return [
        one.physical_id
        for one in resources
        if one.type == resource_type and one.logical_id.startswith(logical)
    ]


def _described(name: str, cloudformation: Any) -> Stack:
    found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return Stack(
        id=found["StackId"],
        name=found["StackName"],
        status=found["StackStatus"],
        created_at=found["CreationTime"],
        changed_at=found.get("LastUpdatedTime") or found["CreationTime"],
        description=found.get("Description", ""),
        outputs={output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
        tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
    )


def _listed(stack: str, cloudformation: Any) -> tuple[Resource, ...]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return tuple(
        Resource(one["LogicalResourceId"], one["ResourceType"], one["PhysicalResourceId"])
        for page in pages
        for one in page["StackResourceSummaries"]
        if one.get("PhysicalResourceId")  # else it is about to be made
    )


@contextmanager
def _absent_is_fine() -> Iterator[None]:
    """Pass over AWS's refusal of a stack that is not there, and of nothing else."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        # The code is ValidationError, as of every other mistake.
        if "does not exist" not in str(error):
            raise


@contextmanager
def _deployed(stack: str, session: Any) -> Iterator[None]:
    """Turn AWS's refusals into NotDeployedError."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise NotDeployedError(
            f"no stack {stack} in {session.region_name}: {error.response['Error']['Message']}. "
            "Is the campaign deployed, and do credentials, region and AWS_ENDPOINT_URL point there?"
        ) from error
    except botocore.exceptions.BotoCoreError as error:
        raise NotDeployedError(
            f"stack {stack} can't be looked up: {str(error).rstrip('.')}. Set AWS credentials and a region, "
            "or the exports that `darkroom sandbox up` prints."
        ) from error
