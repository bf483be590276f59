"""What a deployed campaign is made of, by the names that AWS knows it by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from darkroom.deployed import physical_ids, read_resources, stack_outputs


@dataclass(frozen=True)
class DeployedCampaign:
    """A campaign in the account and region of ``session``.

    Attributes:
        drawings_mapping: the event source mapping of a realtime campaign; None for an asynchronous one.
    """

    name: str
    session: Any
    jobs_table: str
    drawings_mapping: str | None = None

    @property
    def is_realtime(self) -> bool:
        """Functions call the endpoint, which keeps an instance."""
        return self.drawings_mapping is not None


def find_campaign(name: str, session: Any) -> DeployedCampaign:
    """The deployed campaign of that name.

    Raises:
        NotDeployedError: its stacks are not there.
    """
    table = stack_outputs(f"{name}-data", session)["JobsTableName"]
    mappings = physical_ids(read_resources(f"{name}-api", session), "AWS::Lambda::EventSourceMapping")
    return DeployedCampaign(name, session, table, mappings[0] if mappings else None)
