"""A deployed campaign's stacks: how they stand, and the names of what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import botocore.exceptions

from darkroom.deployed import stack_outputs

PARTS = ("data", "inference", "api", "monitoring", "build")


@dataclass(frozen=True)
class StackState:
    """One stack.

    Attributes:
        status: CloudFormation's, such as UPDATE_COMPLETE.
        changed_at: when it was last created or updated.
    """

    name: str
    status: str
    changed_at: datetime


@dataclass(frozen=True)
class CampaignStacks:
    """The stacks of a campaign that there are, and their resources.

    Attributes:
        resources: (stack's part, CloudFormation type, logical id, physical id).
    """

    states: Sequence[StackState]
    resources: Sequence[tuple[str, str, str, str]]

    def ids(self, part: str, resource_type: str, logical: str = "") -> list[str]:
        """Physical ids of the resources of a type whose logical id begins with ``logical``."""
        return [
            physical
            for stack, kind, logical_id, physical in self.resources
            if (stack, kind) == (part, resource_type) and logical_id.startswith(logical)
        ]

    def first(self, part: str, resource_type: str, logical: str = "") -> str | None:
        """The first of :meth:`ids`."""
        return next(iter(self.ids(part, resource_type, logical)), None)


def campaign_stacks(campaign: str, session: Any) -> CampaignStacks:
    """Read the stacks of ``campaign``.

    Raises:
        NotDeployedError: there is no API stack of it where the session looks.
    """
    stack_outputs(f"{campaign}-api", session)
    cloudformation = session.client("cloudformation")
    states: list[StackState] = []
    resources: list[tuple[str, str, str, str]] = []
    for part in PARTS:
        name = f"{campaign}-{part}"
        try:
            found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except botocore.exceptions.ClientError:
            continue  # no build section, or destroyed in part
        changed = found.get("LastUpdatedTime") or found["CreationTime"]
        states.append(StackState(name, found["StackStatus"], changed))
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
            resources += [
                (part, one["ResourceType"], one["LogicalResourceId"], one["PhysicalResourceId"])
                for one in page["StackResourceSummaries"]
                if one.get("PhysicalResourceId")
            ]
    return CampaignStacks(states, resources)
