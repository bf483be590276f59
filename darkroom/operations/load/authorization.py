"""What a request needs so that the API takes it: a key, a signature, or a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from darkroom.campaign.access import Authorizer
from darkroom.deployed import api_access

Authorize = Callable[[str, str, bytes], Mapping[str, str]]
"""The headers of a request, given its method, URL and body."""


class AuthorizationError(ValueError):
    """What the campaign's authorizer wants is not there; the text says how to give it."""


def authorization(
    campaign: str, authorizer: Authorizer, session: Any, *, token: str | None = None
) -> Authorize:
    """How requests to a deployed campaign are authorized.

    Args:
        token: of the campaign's user pool, with ``jwt``.

    Raises:
        AuthorizationError: there is no token, or there are no credentials to sign with.
    """
    match authorizer:
        case "api-key":
            key = api_access(campaign, session).key
            if key is None:
                raise AuthorizationError(f"{campaign} has no API key: its authorizer changed; deploy it again")
            return headers_of({"x-api-key": key})
        case "jwt":
            if not token:
                raise AuthorizationError(
                    f"{campaign} asks for a token of its user pool (authorizer: jwt): give it with --token "
                    "or in DARKROOM_TOKEN"
                )
            return headers_of({"authorization": f"Bearer {token}"})
        case "iam":
            return signature(session)


def headers_of(headers: Mapping[str, str]) -> Authorize:
    """The same headers for every request."""
    return lambda _method, _url, _body: headers


def signature(session: Any) -> Authorize:
    """Signature version 4 for execute-api, by the session's credentials.

    Raises:
        AuthorizationError: it has none.
    """
    credentials = session.get_credentials()
    if credentials is None:
        raise AuthorizationError("there are no AWS credentials to sign with (authorizer: iam)")

    def sign(method: str, url: str, body: bytes) -> Mapping[str, str]:
        request = AWSRequest(method=method, url=url, data=body)
        # Refreshed where they expire: a load may outlast them.
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", session.region_name).add_auth(request)
        return dict(request.headers.items())

    return sign
