"""The Principal element of a resource's policy: whom a statement is about.

IAM user guide, "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

_ACCOUNT = re.compile(r"(?:arn:[^:]+:iam::)?(\d{12})(?::root)?")


class Naming(IntEnum):
    """How a statement names who asks.

    ``ACCOUNT`` is the account alone: that hands the decision over to the account's own policies, and is no
    grant by itself.
    """

    NOT = 0
    ACCOUNT = 1
    ITSELF = 2


@dataclass(frozen=True)
class Requester:
    """Who asks, by the names that a statement can have for it.

    Attributes:
        account: whose credentials these are; None for an AWS service that acts as itself.
        arns: the role's and its session's; none for the account itself.
        service: such as ``sns.amazonaws.com``.
    """

    account: str | None = None
    arns: frozenset[str] = frozenset()
    service: str | None = None


@dataclass(frozen=True)
class Principals:
    """Whom a statement is about."""

    everyone: bool
    aws: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    def naming(self, requester: Requester) -> Naming:
        """How they name ``requester``."""
        if self.everyone or requester.service in self.services or not requester.arns.isdisjoint(self.aws):
            return Naming.ITSELF
        accounts = {found[1] for one in self.aws if (found := _ACCOUNT.fullmatch(one))}
        if requester.account not in accounts:
            return Naming.NOT
        return Naming.ACCOUNT if requester.arns else Naming.ITSELF


def principals_of(element: Any) -> Principals:
    """What a Principal element says.

    Raises:
        ValueError: it names somebody that the sandbox does not know: a federated or a canonical user.
    """
    if element == "*":
        return Principals(everyone=True)
    if not isinstance(element, Mapping):
        raise ValueError(
            f'Principal is {element!r}: "*", {{"AWS": ...}} or {{"Service": ...}} would be right'
        )
    unknown = sorted(element.keys() - {"AWS", "Service"})
    if unknown:
        raise ValueError(f"the sandbox does not weigh principals of the kind {unknown}; it does AWS, Service")
    aws, services = _listed(element.get("AWS", [])), _listed(element.get("Service", []))
    return Principals("*" in aws or "*" in services, aws, services)


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (str(value),)
