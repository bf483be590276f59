"""One call of an AWS API as IAM sees it, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.sandbox.iam.conditions import Context


class UnknownCallError(NotImplementedError):
    """The sandbox does not know which permissions a call needs."""


@dataclass(frozen=True)
class Need:
    """One action on one resource."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """``service`` as the request is signed for, ``parameters`` by the API's names."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    account: str
    region: str

    def arn(self, resource: str, service: str | None = None) -> str:
        """An ARN in the caller's account and region."""
        return f"arn:aws:{service or self.service}:{self.region}:{self.account}:{resource}"

    def parameter(self, name: str) -> str:
        """A parameter that says which resource.

        Raises:
            UnknownCallError: it was not given.
        """
        if not self.parameters.get(name):
            raise UnknownCallError(f"{self.service}:{self.operation} without {name}: on which resource?")
        return str(self.parameters[name])


def passing(role: Any, service: str) -> list[Need]:
    """To hand ``role`` (an ARN, or None) to a service."""
    return [Need("iam:PassRole", str(role), {"iam:PassedToService": service})] if role else []
