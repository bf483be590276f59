"""Who asks: a request's headers, whichever authorizer the campaign has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from darkroom.api_access import ApiAccess
from darkroom.operations.request_headers import request_headers

Authorize = Callable[[str, str, bytes], Mapping[str, str]]
"""The headers of a request, its content type among them, given its method, URL and body."""


def authorization(access: ApiAccess, session: Any, *, token: str | None = None) -> Authorize:
    """How requests to a deployed campaign's API are authorized.

    Args:
        token: of the campaign's user pool, with authorizer: jwt.

    Raises:
        NoCredentialsError: there is no token, or there are no credentials to sign with.
    """

    def authorize(method: str, url: str, body: bytes) -> Mapping[str, str]:
        return request_headers(access, method, url, body, session=session, token=token)

    authorize("GET", access.url, b"")  # what is missing shows before the first request
    return authorize
