"""Who may ask, as the OpenAPI document says it: an API key, an AWS identity or a user pool's token.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.campaign.access import Api

PATHS = "There are POST /v1/images and GET /v1/images/{id}."


@dataclass(frozen=True)
class Authorizer:
    """One way to find out who asks.

    Attributes:
        name: the security scheme's name in the document.
        scheme: the security scheme.
        scopes: OAuth scopes of which a token needs one.
        caller: the context variable that names the caller in an access log: an id, never a secret.
        refusals: status and text by gateway response type, for what the edge says of callers.
    """

    name: str
    scheme: Mapping[str, Any]
    scopes: tuple[str, ...]
    caller: str
    refusals: Mapping[str, tuple[int, str]]

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses of its refusals that a known path answers with."""
        return tuple(sorted({status for status, _ in self.refusals.values()} - {404}))


_HEADER = {"type": "apiKey", "name": "Authorization", "in": "header"}

API_KEY = Authorizer(
    name="api_key",
    scheme={"type": "apiKey", "name": "x-api-key", "in": "header"},
    scopes=(),
    caller="$context.identity.apiKeyId",
    refusals={
        "INVALID_API_KEY": (403, "The header x-api-key must hold a valid API key."),
        # API Gateway says 403 to a path or a method that it does not have.
        "MISSING_AUTHENTICATION_TOKEN": (404, PATHS),
    },
)

IAM = Authorizer(
    name="sigv4",
    scheme={**_HEADER, "x-amazon-apigateway-authtype": "awsSigv4"},
    scopes=(),
    caller="$context.identity.userArn",
    refusals={
        # The one answer to an unsigned request and to an unknown path: API Gateway looks for a caller first.
        "MISSING_AUTHENTICATION_TOKEN": (
            403,
            f"Requests must be signed (AWS Signature Version 4, service execute-api). {PATHS}",
        ),
        "INVALID_SIGNATURE": (
            403,
            "The signature is not this request's, or was made more than five minutes ago.",
        ),
        "EXPIRED_TOKEN": (403, "The credentials that signed the request have expired."),
        "ACCESS_DENIED": (403, "These credentials do not allow execute-api:Invoke on this method."),
    },
)


def authorizer(api: Api) -> Authorizer:
    """The authorizer that a campaign asks for."""
    if api.authorizer == "iam":
        return IAM
    if api.jwt is not None:
        return _user_pool(api.jwt.user_pool, api.jwt.scopes)
    return API_KEY


def _user_pool(pool: str, scopes: tuple[str, ...]) -> Authorizer:
    """Tokens of a Cognito user pool; with scopes access tokens, without any identity tokens."""
    kind = f"an access token with the scope {' or '.join(scopes)}" if scopes else "an identity token"
    return Authorizer(
        name="user_pool",
        scheme={
            **_HEADER,
            "x-amazon-apigateway-authtype": "cognito_user_pools",
            "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": [pool]},
        },
        scopes=scopes,
        caller="$context.authorizer.claims.sub",
        refusals={
            "UNAUTHORIZED": (401, f"The header Authorization must hold {kind} of the user pool."),
            "EXPIRED_TOKEN": (401, "The token has expired."),
            "MISSING_AUTHENTICATION_TOKEN": (404, PATHS),
        },
    )
