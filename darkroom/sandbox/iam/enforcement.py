"""The one place where a role is held to its policies, and where that is written down."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NoReturn

from darkroom.sandbox.iam.call import Need
from darkroom.sandbox.iam.ledger import Ledger
from darkroom.sandbox.iam.policy import Verdict, decide
from darkroom.sandbox.iam.principals import Session, Sessions, role_of, statements_of
from darkroom.sandbox.iam.resource_policy import (
    Said,
    holder_of,
    owner_of,
    said,
    statements_of_resource,
    weighs_policy,
)


class AccessDeniedError(Exception):
    """The policies do not allow what was asked for; the text is AWS's."""


class Enforcement:
    """The sandbox's IAM, as everything that acts in a role meets it."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.sessions = Sessions()

    def require(self, session: Session, need: Need) -> None:
        """Check that the role of ``session`` may do what is needed, by its own policies and the resource's.

        Raises:
            AccessDeniedError: it may not.
            UnknownConditionError, PolicyError: one of them can't be weighed.
        """
        role = role_of(session.role)
        context = {**of_every_request(session, need.resource), **need.context}
        own = decide(statements_of(role) if role else (), need.action, need.resource, context)
        statements = statements_of_resource(need.resource)
        other = said(statements or (), session.requester, need.action, need.resource, context)
        verdict = own.verdict
        if other.denied and verdict is not Verdict.DENIED:
            verdict = Verdict.DENIED_BY_RESOURCE
        elif role is not None and verdict is not Verdict.DENIED:
            gate = _gate_of(session, need, has_policy=statements is not None)
            verdict = _together(own.verdict, other, gate)
        if verdict is not Verdict.ALLOWED:
            self.refuse(session, need, verdict)
        self.ledger.note(session.role, need.resource, own.grants)
        used = (*other.grants, *other.handed_over)
        self.ledger.note_of(holder_of(need.resource), session.role, need.resource, used)

    def refuse(self, session: Session, need: Need, verdict: Verdict, where: str = "") -> NoReturn:
        """Write down what was denied, and say so.

        Args:
            where: more about which policy it is.

        Raises:
            AccessDeniedError: always.
        """
        self.ledger.note_denied(session.role, need.action, need.resource)
        raise AccessDeniedError(
            f"User: {session.arn} is not authorized to perform: {need.action} on resource: "
            f"{need.resource} {verdict.format(action=need.action)}{where}"
        )


class _Gate(Enum):
    """Which policies must allow, beside that none may deny."""

    EITHER = "the role's or the resource's"
    KEY = "the key's: it names the role, or the account, whose policies then count"
    BOTH = "the role's and the resource's, which names the role or its account"


def _gate_of(session: Session, need: Need, *, has_policy: bool) -> _Gate:
    """IAM user guide, "Cross-account policy evaluation logic"; KMS developer guide, "Key policies"."""
    if weighs_policy(need.resource) and owner_of(need.resource) not in (None, session.account):
        return _Gate.BOTH
    return _Gate.KEY if need.action.startswith("kms:") and has_policy else _Gate.EITHER


def _together(own: Verdict, other: Said, gate: _Gate) -> Verdict:
    """What a role may do by its own policies and by the resource's, neither of which denies it."""
    if other.grants and gate is not _Gate.BOTH:
        return Verdict.ALLOWED
    if gate is _Gate.EITHER or other.grants or other.handed_over:
        return own
    return Verdict.NOT_ALLOWED_BY_RESOURCE


def of_every_request(session: Session, resource: str) -> dict[str, str]:
    """Global condition keys; the sandbox's requests stand for requests by TLS 1.3.

    A function's own code carries lambda:SourceFunctionArn, what Lambda does in its role does not (Lambda
    developer guide, "Working with Lambda execution environment credentials"). A bucket that is not there
    belongs to nobody; whatever else has no account in its ARN belongs to the caller's.
    """
    owner = owner_of(resource)
    if owner is None and not resource.startswith("arn:aws:s3:::"):
        owner = session.account
    return {
        **({"lambda:SourceFunctionArn": session.function} if session.function else {}),
        "aws:PrincipalAccount": session.account,
        "aws:PrincipalArn": session.role,
        "aws:PrincipalIsAWSService": "false",
        "aws:SecureTransport": "true",
        "s3:TlsVersion": "1.3",
        "kms:CallerAccount": session.account,
        **({"aws:ResourceAccount": owner, "s3:ResourceAccount": owner} if owner else {}),
    }


_enforcement: Enforcement | None = None


def start() -> Enforcement:
    """Hold roles to their policies from now on."""
    global _enforcement
    _enforcement = Enforcement()
    return _enforcement


def installed() -> bool:
    """Whether roles are held to their policies; where not, everybody may do everything."""
    return _enforcement is not None


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


def note(service: str, need: Need, found: Said) -> None:
    """Write down what a service that acts as itself was let do, or was not."""
    if _enforcement is None:
        return
    if found.denied or not found.grants:
        _enforcement.ledger.note_denied(service, need.action, need.resource)
    else:
        _enforcement.ledger.note_of(holder_of(need.resource), service, need.resource, found.grants)
