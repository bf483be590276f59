"""Where in a VPC a function, a model or a job is attached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Attachment:
    """The subnets and security groups that network interfaces of one thing are in."""

    account_id: str
    region: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]

    @classmethod
    def of(cls, account_id: str, region: str, config: Mapping[str, Any] | None) -> Attachment | None:
        """That of a VpcConfig: Lambda's has SubnetIds, SageMaker's Subnets. None without subnets."""
        found = config or {}
        subnets: Sequence[str] = found.get("SubnetIds") or found.get("Subnets") or ()
        if not subnets:
            return None
        return cls(account_id, region, tuple(sorted(subnets)), tuple(sorted(found["SecurityGroupIds"])))
