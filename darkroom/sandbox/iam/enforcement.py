"""The one place where a role is held to its policies, and where that is written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from darkroom.sandbox.iam.call import Need
from darkroom.sandbox.iam.ledger import Ledger
from darkroom.sandbox.iam.policy import Decision, Verdict, decide
from darkroom.sandbox.iam.principals import Session, Sessions, role_of, statements_of


class AccessDeniedError(Exception):
    """A role's policies do not allow what it asked for; the text is AWS's."""


class Enforcement:
    """The sandbox's IAM, as everything that acts in a role meets it."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.sessions = Sessions()

    def require(self, session: Session, need: Need) -> None:
        """Check that the role of ``session`` may do what is needed.

        Raises:
            AccessDeniedError: it may not.
            UnknownConditionError, PolicyError: its policies can't be weighed.
        """
        decision = self._decide(session, need)
        self.ledger.note(session.role, need.action, need.resource, decision)
        if not decision.allowed:
            raise AccessDeniedError(
                f"User: {session.arn} is not authorized to perform: {need.action} on resource: "
                f"{need.resource} {decision.verdict.format(action=need.action)}"
            )

    @staticmethod
    def _decide(session: Session, need: Need) -> Decision:
        role = role_of(session.role)
        if role is None:
            return Decision(Verdict.NOT_ALLOWED)
        context = {**_of_every_request(session), **need.context}
        return decide(statements_of(role), need.action, need.resource, context)


def _of_every_request(session: Session) -> Mapping[str, str]:
    """Global condition keys; the sandbox's requests stand for requests by TLS.

    A function's own code carries lambda:SourceFunctionArn, what Lambda does in its role does not (Lambda
    developer guide, "Working with Lambda execution environment credentials").
    """
    account = session.role.split(":")[4]
    return {
        **({"lambda:SourceFunctionArn": session.function} if session.function else {}),
        "aws:PrincipalAccount": account,
        "aws:PrincipalArn": session.role,
        "aws:ResourceAccount": account,
        "aws:SecureTransport": "true",
        "s3:ResourceAccount": account,
    }


_enforcement: Enforcement | None = None


def start() -> Enforcement:
    """Hold roles to their policies from now on."""
    global _enforcement
    _enforcement = Enforcement()
    return _enforcement


def running() -> Enforcement:
    """The sandbox's.

    Raises:
        RuntimeError: the room is not installed.
    """
    if _enforcement is None:
        raise RuntimeError("no IAM is enforced: call darkroom.sandbox.iam.install first")
    return _enforcement


def require(role: str, needed: Iterable[Need], *, session: str = "sandbox") -> None:
    """What a service does in a role that it was given: check all that it needs.

    Where the room is not installed, every role may do everything.

    Args:
        role: the role's ARN.
        session: the session's name, for the error.

    Raises:
        AccessDeniedError: the role's policies do not allow it.
    """
    if _enforcement is None:
        return
    for need in needed:
        _enforcement.require(Session(role, session), need)
