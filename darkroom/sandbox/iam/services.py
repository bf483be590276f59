"""AWS services that act as themselves: they may do what the resource's own policy lets them do, nothing else.

IAM user guide, "The confused deputy problem": such a request carries the resource on whose behalf it is made
(aws:SourceArn) and that resource's account (aws:SourceAccount).
"""

from __future__ import annotations

from collections.abc import Iterable

from darkroom.sandbox.iam import enforcement
from darkroom.sandbox.iam.call import Need
from darkroom.sandbox.iam.policy import Verdict
from darkroom.sandbox.iam.principal_element import Requester
from darkroom.sandbox.iam.resource_policy import owner_of, said, statements_of_resource


def require_of_service(service: str, needed: Iterable[Need], *, source: str, account: str) -> None:
    """Check that a service may do what is needed.

    Args:
        service: the principal, such as ``sns.amazonaws.com``.
        source: the ARN of what it acts for: a topic, a rule, an alarm.
        account: whose that is.

    Raises:
        AccessDeniedError: the resource's policy does not let it.
        PolicyError, UnknownConditionError: that policy can't be weighed.
    """
    for need in needed:
        _require(service, need, source, account)


def _require(service: str, need: Need, source: str, account: str) -> None:
    statements = statements_of_resource(need.resource) or ()
    context = {
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": service,
        "aws:ResourceAccount": owner_of(need.resource) or account,
        "aws:SecureTransport": "true",
        "aws:SourceAccount": account,
        "aws:SourceArn": source,
        **need.context,
    }
    found = said(statements, Requester(service=service), need.action, need.resource, context)
    enforcement.note(service, need, found)
    if found.denied or not found.grants:
        verdict = Verdict.DENIED_BY_RESOURCE if found.denied else Verdict.NOT_ALLOWED_BY_RESOURCE
        raise enforcement.AccessDeniedError(
            f"User: {service} is not authorized to perform: {need.action} on resource: {need.resource} "
            f"{verdict.format(action=need.action)} (on behalf of {source})"
        )
