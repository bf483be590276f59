"""AWS access keys, and what their holders may call: of IAM users, of assumed roles, and the sandbox's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from darkroom.sandbox.moments import seconds_of

_PARTITION = "aws"
# What `darkroom sandbox up` prints: the account's own credentials, which may do everything.
_ROOT = "sandbox"


@dataclass(frozen=True)
class Credentials:
    """An access key.

    Attributes:
        session_token: what temporary credentials are sent with; None for those of a user.
        expires: wall seconds since the epoch; None where they don't.
        policies: the documents that its holder is held to; None where there is no limit.
    """

    access_key: str
    secret: str
    arn: str
    user_id: str
    session_token: str | None = None
    expires: float | None = None
    policies: tuple[Any, ...] | None = field(default=None, repr=False)

    def allows(self, action: str, resource: str) -> bool:
        """Whether the holder's policies allow it and none denies it."""
        if self.policies is None:
            return True
        results = [IAMPolicy(policy).is_action_permitted(action, resource) for policy in self.policies]
        return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results


def find_credentials(account_id: str, access_key: str) -> Credentials | None:
    """The credentials of an access key in an account; None where nobody has it."""
    if access_key == _ROOT:
        return Credentials(_ROOT, _ROOT, f"arn:aws:iam::{account_id}:root", account_id)
    iam = iam_backends[account_id][_PARTITION]
    for user in list(iam.users.values()):
        for key in user.access_keys:
            if key.access_key_id == access_key and key.status == "Active":
                policies = _user_policies(iam, user.name)
                return Credentials(access_key, key.secret_access_key, user.arn, user.id, policies=policies)
    for role in list(sts_backends[account_id][_PARTITION].assumed_roles):
        if role.access_key_id == access_key:
            return Credentials(
                access_key,
                role.secret_access_key,
                role.arn,
                role.user_id,
                session_token=role.session_token,
                expires=seconds_of(role.expiration),
                policies=_role_policies(iam, role.role_arn.rsplit("/", 1)[-1]),
            )
    return None


def _user_policies(iam: Any, name: str) -> tuple[Any, ...]:
    attached, _ = iam.list_attached_user_policies(name)
    policies = [iam.get_user_policy(name, policy) for policy in iam.list_user_policies(name)] + list(attached)
    for group in iam.get_groups_for_user(name):
        policies += [iam.get_group_policy(group.name, one) for one in iam.list_group_policies(group.name)]
        policies += iam.list_attached_group_policies(group.name)[0]
    return tuple(policies)


def _role_policies(iam: Any, name: str) -> tuple[Any, ...]:
    attached, _ = iam.list_attached_role_policies(name)
    return (*(iam.get_role_policy(name, policy)[1] for policy in iam.list_role_policies(name)), *attached)
