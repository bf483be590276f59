"""Links that a role signed: the signature of exactly this request, and until when.

S3 API reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.sts.models import AssumedRole

_SIGNATURE = "X-Amz-Signature"
_TIME = "%Y%m%dT%H%M%SZ"


class BadLinkError(Exception):
    """A link that was changed, or is over; ``code`` is S3's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check(environ: Mapping[str, Any], signer: AssumedRole | None) -> None:
    """Check a presigned request; its time is the wall's, for functions sign by that.

    Raises:
        BadLinkError: the signature is of another request, or the link has expired.
    """
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if signer is None or not hmac.compare_digest(
        _expected(environ, query, signer), query.get(_SIGNATURE, "")
    ):
        raise BadLinkError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key "
            "and signing method.",
        )
    signed = datetime.strptime(query["X-Amz-Date"], _TIME).replace(tzinfo=UTC)
    if (datetime.now(UTC) - signed).total_seconds() > int(query["X-Amz-Expires"]):
        raise BadLinkError("AccessDenied", "Request has expired")


def _expected(environ: Mapping[str, Any], query: Mapping[str, str], signer: AssumedRole) -> str:
    """The signature that the request as it came would have."""
    path = str(environ.get("RAW_URI") or environ["PATH_INFO"]).partition("?")[0]
    names = query.get("X-Amz-SignedHeaders", "host").split(";")
    headers = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}", "") for name in names}
    rest = "&".join(
        part for part in environ.get("QUERY_STRING", "").split("&") if not part.startswith(f"{_SIGNATURE}=")
    )
    request = AWSRequest(environ["REQUEST_METHOD"], f"http://{environ['HTTP_HOST']}{path}?{rest}", headers)
    request.context["timestamp"] = query.get("X-Amz-Date", "")
    _, region, service = query["X-Amz-Credential"].split("/")[1:4]
    credentials = Credentials(signer.access_key_id, signer.secret_access_key, signer.session_token)
    auth = S3SigV4QueryAuth(credentials, service, region)
    found: str = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return found
