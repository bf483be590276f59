"""Who calls, and what policies it has: moto's STS sessions and IAM roles."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from moto.iam.models import Role, User, iam_backends
from moto.sts.models import AssumedRole, sts_backends

from darkroom.sandbox.callers import caller_of
from darkroom.sandbox.iam.policy import Statement, parse
from darkroom.sandbox.iam.principal_element import Requester

# STS marks a temporary key so (IAM user guide, "IAM identifiers", unique identifiers). CloudFormation, the
# sandbox's user and whoever else has another are the account itself.
_TEMPORARY = "ASIA"


class UnknownCredentialsError(Exception):
    """A temporary access key that nobody was given, or without its session's token."""


_ROOT = ":root"


@dataclass(frozen=True)
class Session:
    """A role, as somebody who assumed it; ``function`` is the ARN of the one whose own code does.

    Where ``role`` is an account's root it is that account itself.
    """

    role: str
    name: str
    function: str | None = None

    @property
    def account(self) -> str:
        """The role's account."""
        return self.role.split(":")[4]

    @property
    def requester(self) -> Requester:
        """How a resource's policy may name it."""
        is_account = self.role.endswith(_ROOT)
        return Requester(self.account, frozenset(() if is_account else (self.role, self.arn)))

    @property
    def arn(self) -> str:
        """How AWS calls it in an error and in GetCallerIdentity."""
        account, _, path = self.role.split(":", 4)[4].partition(":")
        if self.role.endswith(_ROOT):
            return self.role
        return (
            f"arn:{self.role.split(':')[1]}:sts::{account}:assumed-role/{path.rsplit('/', 1)[-1]}/{self.name}"
        )


class Sessions:
    """The sessions by access key; moto keeps a list, which grows with every environment of a function."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, AssumedRole] = {}

    def find(self, access_key: str, token: str | None) -> Session | None:
        """Whose key it is; None for the account's own.

        Raises:
            UnknownCredentialsError: it is a temporary one that was not given out, or not with this token.
        """
        if not access_key.startswith(_TEMPORARY):
            return None
        found = self.assumed(access_key)
        if found is None or found.session_token != token:
            raise UnknownCredentialsError("The security token included in the request is invalid.")
        caller = caller_of(access_key)
        return Session(found.role_arn, found.session_name, caller.arn if caller else None)

    def assumed(self, access_key: str) -> AssumedRole | None:
        """moto's session of a key."""
        with self._lock:
            if access_key not in self._known:
                self._known.update((one.access_key_id, one) for one in _assumed_roles())
            return self._known.get(access_key)


def _assumed_roles() -> list[AssumedRole]:
    backends: list[Any] = [backend for _, _, backend in list(sts_backends.iter_backends())]
    return [one for backend in backends for one in list(backend.assumed_roles)]


def root_of(account: str) -> Session:
    """An account itself, as whose its own keys count."""
    return Session(f"arn:aws:iam::{account}{_ROOT}", "root")


def role_of(arn: str) -> Role | None:
    """moto's role; None when there is none of that ARN (any more)."""
    _, partition, _, _, account, _ = arn.split(":", 5)
    roles: list[Role] = list(iam_backends[account][partition].roles.values())
    return next((one for one in roles if one.arn == arn), None)


def statements_of(role: Role) -> tuple[Statement, ...]:
    """The role's inline and attached policies.

    Raises:
        PolicyError: one of them can't be read.
        NotImplementedError: it has a permissions boundary.
    """
    if role.permissions_boundary_arn:
        raise NotImplementedError(f"the sandbox does not weigh permissions boundaries; {role.arn} has one")
    return _statements(role)


def statements_of_user(user: User) -> tuple[Statement, ...]:
    """The user's inline and attached policies, and those of the user's groups.

    Raises:
        PolicyError: one of them can't be read.
    """
    _, partition, _, _, account, _ = user.arn.split(":", 5)
    groups = iam_backends[account][partition].get_groups_for_user(user.name)
    return tuple(statement for holder in (user, *groups) for statement in _statements(holder))


def _statements(holder: Any) -> tuple[Statement, ...]:
    inline = list(holder.policies.values())
    attached = [_default_document(one) for one in list(holder.managed_policies.values())]
    return tuple(statement for document in (*inline, *attached) for statement in parse(document))


def _default_document(policy: Any) -> str:
    version = next(one for one in policy.versions if one.version_id == policy.default_version_id)
    return str(version.document)
