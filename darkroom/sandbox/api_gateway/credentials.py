"""AWS access keys, and what their holders may call: of IAM users, of assumed roles, and the sandbox's own."""

from __future__ import annotations

from dataclasses import dataclass, field

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from darkroom.sandbox.iam.policy import Statement, decide
from darkroom.sandbox.iam.principals import role_of, statements_of, statements_of_user
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
        statements: of the policies that its holder is held to; None where there is no limit.
    """

    access_key: str
    secret: str
    arn: str
    user_id: str
    session_token: str | None = None
    expires: float | None = None
    statements: tuple[Statement, ...] | None = field(default=None, repr=False)

    def allows(self, action: str, resource: str) -> bool:
        """Whether the holder's policies allow it and none denies it.

        Raises:
            UnknownConditionError: one of them has a condition which can't be weighed.
        """
        if self.statements is None:
            return True
        return decide(self.statements, action, resource, {"aws:SecureTransport": "true"}).allowed


def find_credentials(account_id: str, access_key: str) -> Credentials | None:
    """The credentials of an access key in an account; None where nobody has it."""
    if access_key == _ROOT:
        return Credentials(_ROOT, _ROOT, f"arn:aws:iam::{account_id}:root", account_id)
    iam = iam_backends[account_id][_PARTITION]
    for user in list(iam.users.values()):
        for key in user.access_keys:
            if key.access_key_id == access_key and key.status == "Active":
                return Credentials(
                    access_key,
                    key.secret_access_key,
                    user.arn,
                    user.id,
                    statements=statements_of_user(user),
                )
    for session in list(sts_backends[account_id][_PARTITION].assumed_roles):
        if session.access_key_id == access_key:
            role = role_of(session.role_arn)
            return Credentials(
                access_key,
                session.secret_access_key,
                session.arn,
                session.user_id,
                session_token=session.session_token,
                expires=seconds_of(session.expiration),
                statements=statements_of(role) if role else (),
            )
    return None
