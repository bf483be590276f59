"""Policies, of roles and of resources: what they say of an action on a resource.

IAM user guide, "Policy evaluation logic": an explicit deny wins, then an allow, else nothing is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from darkroom.sandbox.iam.conditions import Context, holds
from darkroom.sandbox.iam.patterns import action_matches, matches
from darkroom.sandbox.iam.principal_element import Principals, principals_of

_ELEMENTS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})


class PolicyError(Exception):
    """A policy document that is none, and what is wrong with it."""


class Verdict(StrEnum):
    """What the policies come to."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "because no identity-based policy allows the {action} action"
    DENIED = "with an explicit deny in an identity-based policy"
    NOT_ALLOWED_BY_RESOURCE = "because no resource-based policy allows the {action} action"
    DENIED_BY_RESOURCE = "with an explicit deny in a resource-based policy"
    NOT_ALLOWED_BY_ENDPOINT = "because no VPC endpoint policy allows the {action} action"
    DENIED_BY_ENDPOINT = "with an explicit deny in a VPC endpoint policy"


@dataclass(frozen=True)
class Grant:
    """One action and one resource pattern of a statement, as they are written: what a reviewer reads."""

    action: str
    resource: str


@dataclass(frozen=True)
class Statement:
    """One statement; ``actions`` and ``resources`` are patterns, which the ``not_`` flags turn round.

    Attributes:
        principals: whom a resource's policy is about; None in a role's own.
        text: the statement as it is written, as JSON with sorted names.
    """

    allows: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    principals: Principals | None = None
    text: str = ""

    def covers(self, action: str, resource: str, context: Context) -> tuple[Grant, ...]:
        """The grants by which the statement is about this action on this resource; none when it is not."""
        named = [one for one in self.actions if action_matches(one, action)]
        if bool(named) is self.not_actions:
            return ()
        held = [one for one in self.resources if matches(one, resource)]
        if bool(held) is self.not_resources or not holds(self.conditions, context):
            return ()
        return tuple(Grant(one, other) for one in named or self.actions for other in held or self.resources)


@dataclass(frozen=True)
class Decision:
    """What was decided, and by which grants it was allowed."""

    verdict: Verdict
    grants: tuple[Grant, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the action may be done."""
        return self.verdict is Verdict.ALLOWED


def decide(statements: Sequence[Statement], action: str, resource: str, context: Context) -> Decision:
    """What ``statements``, all of a principal's, say of ``action`` on ``resource``.

    Raises:
        UnknownConditionError: a statement that is about both has a condition which can't be weighed.
    """
    grants: list[Grant] = []
    for statement in statements:
        covered = statement.covers(action, resource, context)
        if covered and not statement.allows:
            return Decision(Verdict.DENIED)
        grants += covered
    return Decision(Verdict.ALLOWED, tuple(grants)) if grants else Decision(Verdict.NOT_ALLOWED)


def grants_of(statements: Sequence[Statement]) -> frozenset[Grant]:
    """Every action with every resource that the statements allow."""
    return frozenset(
        Grant(action, resource)
        for statement in statements
        if statement.allows
        for action in statement.actions
        for resource in statement.resources
    )


@lru_cache(maxsize=1024)
def parse(document: str) -> tuple[Statement, ...]:
    """The statements of an identity-based policy document, JSON.

    Raises:
        PolicyError: it is no identity-based policy.
    """
    return _parsed(document, _ELEMENTS, "an identity-based policy")


@lru_cache(maxsize=1024)
def parse_of_resource(document: str) -> tuple[Statement, ...]:
    """The statements of a resource's or a VPC endpoint's policy document, JSON, with their principals.

    Raises:
        PolicyError: it is no resource-based policy.
    """
    return _parsed(document, _ELEMENTS | {"Principal"}, "a resource-based policy")


def _parsed(document: str, elements: frozenset[str], kind: str) -> tuple[Statement, ...]:
    try:
        statements = _listed(json.loads(document)["Statement"])
        return tuple(_statement(one, elements, kind) for one in statements)
    except (ValueError, KeyError, TypeError) as error:
        raise PolicyError(
            f"no policy document ({type(error).__name__}: {error}): {document[:200]}"
        ) from error


def _statement(given: Mapping[str, Any], elements: frozenset[str], kind: str) -> Statement:
    unknown = sorted(given.keys() - elements)
    if unknown:
        raise PolicyError(f"a statement of {kind} has no {unknown}")
    if given["Effect"] not in ("Allow", "Deny"):
        raise PolicyError(f"Effect is {given['Effect']!r}: Allow or Deny would be right")
    not_actions, not_resources = "NotAction" in given, "NotResource" in given
    resources = _listed(given["NotResource" if not_resources else "Resource"])
    if variables := [one for one in resources if "${" in one]:
        raise PolicyError(f"the sandbox does not play policy variables: {variables}")
    return Statement(
        given["Effect"] == "Allow",
        tuple(_listed(given["NotAction" if not_actions else "Action"])),
        not_actions,
        tuple(resources),
        not_resources,
        given.get("Condition") or {},
        principals_of(given["Principal"]) if "Principal" in elements else None,
        json.dumps(given, sort_keys=True),
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
