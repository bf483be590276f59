"""The headers by which a request to a deployed campaign's API says who asks."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from darkroom.api_access import ApiAccess


class NoCredentialsError(ValueError):
    """What the campaign's authorizer asks for is not there; the text says what it is."""


def request_headers(
    access: ApiAccess,
    method: str,
    url: str,
    body: bytes = b"",
    *,
    session: Any = None,
    token: str | None = None,
) -> dict[str, str]:
    """The headers of one request, for whichever authorizer the campaign has.

    Args:
        url: the whole URL, with its query; a signature covers it, as it covers the method and the body.
        session: the boto3 session whose credentials sign, with authorizer: iam; the environment's by default.
        token: a token of the user pool, with authorizer: jwt.

    Raises:
        NoCredentialsError: there are no credentials, or no token.
    """
    headers = {"content-type": "application/json"} if body else {}
    if access.authorizer == "jwt":
        if token is None:
            raise NoCredentialsError(
                "the campaign has authorizer: jwt; give a token of its user pool, with --token or in "
                "DARKROOM_TOKEN"
            )
        return {**headers, "authorization": f"Bearer {token}"}
    if access.authorizer == "iam":
        return _signed(session or boto3.Session(), method, url, body, headers)
    if access.key is None:
        raise NoCredentialsError("the campaign has authorizer: api-key, and no key was found")
    return {**headers, "x-api-key": access.key}


def _signed(session: Any, method: str, url: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError(
            "the campaign has authorizer: iam; set AWS credentials that may invoke its API"
        )
    request = AWSRequest(method, url, headers, body)
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", session.region_name).add_auth(request)
    return {name.lower(): str(value) for name, value in request.headers.items()}
