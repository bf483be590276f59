"""A deployed campaign's stacks together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.deployed import Resource, Stack, find_resources, find_stack, physical_ids, read_stack

PARTS = ("data", "inference", "api", "monitoring", "build")


@dataclass(frozen=True)
class CampaignStacks:
    """The stacks of a campaign that there are, and what is in each, by part."""

    stacks: Mapping[str, Stack]
    resources: Mapping[str, tuple[Resource, ...]]

    def ids(self, part: str, resource_type: str, logical: str = "") -> list[str]:
        """Physical ids of a part's resources of a type whose logical id begins with ``logical``."""
        return physical_ids(self.resources.get(part, ()), resource_type, logical)

    def first(self, part: str, resource_type: str, logical: str = "") -> str | None:
        """The first of :meth:`ids`."""
        return next(iter(self.ids(part, resource_type, logical)), None)


def read_campaign_stacks(campaign: str, session: Any, known: CampaignStacks | None = None) -> CampaignStacks:
    """Read the stacks of ``campaign``; those without a build section, or destroyed in part, have fewer.

    Args:
        known: an earlier answer. How stacks stand is asked anew, what is in one only where it has changed.

    Raises:
        NotDeployedError: there is no API stack of it where the session looks.
        botocore's errors: CloudFormation did not say all of it.
    """
    api = read_stack(f"{campaign}-api", session)
    cloudformation = session.client("cloudformation")
    found = {
        part: api if part == "api" else find_stack(f"{campaign}-{part}", cloudformation) for part in PARTS
    }
    stacks = {part: stack for part, stack in found.items() if stack is not None}
    unchanged = {
        part: known.resources[part]
        for part, stack in stacks.items()
        # The time of a change is that of its beginning: while it goes on, more comes at the same time.
        if known is not None and known.stacks.get(part) == stack and not stack.is_changing
    }
    resources = {
        part: unchanged[part] if part in unchanged else find_resources(stack.name, cloudformation)
        for part, stack in stacks.items()
    }
    return CampaignStacks(stacks, resources)
