"""What passes a VPC endpoint: its policy must allow it, whatever the caller's and the resource's do.

VPC guide, "Control access to VPC endpoints using endpoint policies". Only calls of the endpoint's own service
pass it: what that service does with other services on the caller's behalf, such as using a key, does not. A
gateway endpoint's policy names everybody; a role there must be named by a condition, else it names nobody
("Principals for gateway endpoints").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID

from darkroom.sandbox import aws_errors
from darkroom.sandbox.iam import enforcement
from darkroom.sandbox.iam.call import Need
from darkroom.sandbox.iam.conditions import Context
from darkroom.sandbox.iam.enforcement import AccessDeniedError, Enforcement, of_every_request
from darkroom.sandbox.iam.needs import needs
from darkroom.sandbox.iam.policy import Statement, Verdict, parse_of_resource
from darkroom.sandbox.iam.principal_element import Naming, Requester
from darkroom.sandbox.iam.principals import Session, UnknownCredentialsError, root_of
from darkroom.sandbox.iam.requests import Signature, call_of, signature_of
from darkroom.sandbox.iam.resource_policy import said
from darkroom.sandbox.network import PASSAGE, Attachment, Endpoint, Passage, way

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

# CloudFormation signs the link for a custom resource's answer itself: none of this account's principals do.
_CLOUDFORMATION = root_of("000000000000")
_ANSWERS = "arn:aws:s3:::cloudformation-custom-resource-response-{region}/answer"


def held_to_endpoint_policies(app: WsgiApp, running: Enforcement) -> WsgiApp:
    """``app`` behind VPC endpoints; raises NotImplementedError at what it can't weigh."""

    def guarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        passage: Passage | None = environ.get(PASSAGE)
        if passage is None:
            return app(environ, start_response)
        signature = signature_of(environ)
        try:
            session, needed = _asked(environ, signature, passage, running)
            require_through(passage.way.endpoints, session, needed)
        except UnknownCredentialsError:
            # The service's to say.
            return app(environ, start_response)
        except AccessDeniedError as error:
            service = signature.service if signature else "s3"
            code = "AccessDenied" + ("Exception" if aws_errors.speaks_json(environ, service) else "")
            return aws_errors.answer(environ, start_response, ("403 Forbidden", code), str(error))
        return app(environ, start_response)

    return guarded


def require_of_attached(network: Attachment | None, role: str, session: str, needed: Iterable[Need]) -> None:
    """What a service does with S3, in a role, through the subnets that it was given: all must pass.

    Raises:
        AccessDeniedError: an endpoint's policy does not let it pass.
    """
    if network is not None and enforcement.installed():
        require_through(way(network, "s3").endpoints, Session(role, session), needed)


def require_through(endpoints: Iterable[Endpoint], session: Session, needed: Iterable[Need]) -> None:
    """Check that every endpoint on the way lets pass what is needed of its service.

    Raises:
        AccessDeniedError: one of them does not.
        PolicyError, UnknownConditionError: its policy can't be weighed.
    """
    asked = list(needed)
    for endpoint in endpoints:
        service = _iam_service(endpoint)
        for need in asked:
            if need.action.startswith(f"{service}:"):
                _require(endpoint, session, need)


def context_of(environ: dict[str, Any]) -> Context:
    """The condition keys of a request that came through an endpoint."""
    passage: Passage | None = environ.get(PASSAGE)
    return _context(passage.way.endpoints[0]) if passage and passage.way.endpoints else {}


def _context(endpoint: Endpoint) -> Context:
    return {"aws:SourceVpc": endpoint.vpc_id, "aws:SourceVpce": endpoint.id}


def _asked(
    environ: dict[str, Any], signature: Signature | None, passage: Passage, running: Enforcement
) -> tuple[Session, list[Need]]:
    """Who calls, and what the call needs."""
    if signature is None:
        # The router lets nothing else out that is not signed. In the bucket's name the region has no dashes.
        answers = _ANSWERS.format(region=str(passage.answers).replace("-", ""))
        return _CLOUDFORMATION, [Need("s3:PutObject", answers)]
    session = running.sessions.find(signature.access_key, signature.token) or root_of(DEFAULT_ACCOUNT_ID)
    return session, needs(call_of(environ, signature, session.account))


def _require(endpoint: Endpoint, session: Session, need: Need) -> None:
    context = {**of_every_request(session, need.resource), **_context(endpoint), **need.context}
    statements = parse_of_resource(endpoint.policy)
    if endpoint.is_gateway:
        statements = tuple(one for one in statements if _names_everybody(one, session.requester))
    found = said(statements, session.requester, need.action, need.resource, context)
    passing = (*found.grants, *found.handed_over)
    running = enforcement.running()
    if found.denied or not passing:
        verdict = Verdict.DENIED_BY_ENDPOINT if found.denied else Verdict.NOT_ALLOWED_BY_ENDPOINT
        running.refuse(session, need, verdict, f" ({endpoint.id}, {endpoint.service})")
    running.ledger.note_of(endpoint.id, session.role, need.resource, passing)


def _names_everybody(statement: Statement, requester: Requester) -> bool:
    principals = statement.principals
    if principals is None or principals.everyone:
        return principals is not None
    return not requester.arns and principals.naming(requester) is Naming.ITSELF


def _iam_service(endpoint: Endpoint) -> str:
    """com.amazonaws.REGION.sagemaker.runtime and ...bedrock-runtime: the prefixes of IAM's actions."""
    return endpoint.service.split(".", 3)[3].split(".")[0].removesuffix("-runtime")
