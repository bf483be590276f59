"""AWS Signature Version 4 of a request, recomputed with botocore's own signer.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import botocore.credentials
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from darkroom.sandbox.api_gateway import response
from darkroom.sandbox.api_gateway.caller import Caller
from darkroom.sandbox.api_gateway.credentials import Credentials, find_credentials
from darkroom.sandbox.api_gateway.request import Request
from darkroom.sandbox.api_gateway.response import RefusedError

SERVICE = "execute-api"
# Requests older or newer than this are refused; by the wall's clock, which the client signs with, too.
SKEW_SECONDS = 300.0
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/, ]+)/(?P<date>\d{8})/(?P<region>[^/, ]+)/(?P<service>[^/, ]+)"
    r"/aws4_request, *SignedHeaders=(?P<headers>[a-z0-9;-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class _Claim:
    """What the Authorization header says."""

    key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str


def verify_signature(request: Request, body: bytes, account_id: str, region: str, method_arn: str) -> Caller:
    """The caller of a signed request who may invoke the method.

    Raises:
        RefusedError: it is not signed, wrongly or not now; or its signer may not execute-api:Invoke.
    """
    if not request.header("authorization"):
        raise RefusedError(response.MISSING_AUTHENTICATION_TOKEN)
    claim = _claim(request.header("authorization"))
    if (claim.region, claim.service) != (region, SERVICE):
        raise RefusedError(response.invalid_signature(f"Credential should be scoped to {region}/{SERVICE}."))
    moment = _signed_at(request, claim)
    credentials = find_credentials(account_id, claim.key)
    token = request.header("x-amz-security-token") or None
    if credentials is None or credentials.session_token != token:
        raise RefusedError(response.UNKNOWN_CREDENTIALS)
    if not hmac.compare_digest(_signature(request, body, claim, credentials, moment), claim.signature):
        raise RefusedError(response.invalid_signature(_MISMATCH))
    if credentials.expires is not None and credentials.expires <= time.time():
        raise RefusedError(response.EXPIRED_CREDENTIALS)
    if not credentials.allows("execute-api:Invoke", method_arn):
        raise RefusedError(response.access_denied(credentials.arn, method_arn))
    return Caller(
        {
            "accessKey": credentials.access_key,
            "accountId": account_id,
            "caller": credentials.user_id,
            "user": credentials.user_id,
            "userArn": credentials.arn,
        }
    )


_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


def _claim(header: str) -> _Claim:
    found = _AUTHORIZATION.fullmatch(header.strip())
    if found is None:
        raise RefusedError(response.INCOMPLETE_SIGNATURE)
    key, date, region, service, headers, signature = found.groups()
    return _Claim(key, date, region, service, tuple(headers.split(";")), signature)


def _signed_at(request: Request, claim: _Claim) -> str:
    """The moment of the signature as the request gives it: ``20261122T073000Z``."""
    moment = request.header("x-amz-date")
    try:
        signed = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise RefusedError(response.INCOMPLETE_SIGNATURE) from None
    now = datetime.now(UTC)
    if moment[:8] != claim.date:
        raise RefusedError(response.invalid_signature("Date in Credential scope does not match X-Amz-Date."))
    if abs((now - signed).total_seconds()) > SKEW_SECONDS:
        late = "expired" if signed < now else "not yet current"
        raise RefusedError(
            response.invalid_signature(f"Signature {late}: {moment}, it is now {now:%Y%m%dT%H%M%SZ}")
        )
    return moment


def _signature(request: Request, body: bytes, claim: _Claim, credentials: Credentials, moment: str) -> str:
    sent = {name.lower(): ",".join(values) for name, values in request.headers.items()}
    needed = {"host", "x-amz-date", *(name for name in sent if name.startswith("x-amz-"))}
    if not needed <= set(claim.headers) or not set(claim.headers) <= sent.keys():
        raise RefusedError(
            response.invalid_signature("Every x-amz- header and host must be signed, and sent.")
        )
    digest = sent.get("x-amz-content-sha256")
    if digest is not None and digest != hashlib.sha256(body).hexdigest():
        raise RefusedError(response.invalid_signature(_MISMATCH))
    signed = AWSRequest(
        request.method,
        f"http://{sent['host']}{request.target}",
        {name: sent[name] for name in claim.headers},
        body,
    )
    signed.context["timestamp"] = moment
    signer = SigV4Auth(
        botocore.credentials.Credentials(credentials.access_key, credentials.secret), SERVICE, claim.region
    )
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    return str(signer.signature(text, signed))
