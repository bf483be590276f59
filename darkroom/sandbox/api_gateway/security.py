"""Who may call a method, as its OpenAPI security requirements say.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class SecurityError(ValueError):
    """A security scheme that the sandbox does not play."""


@dataclass(frozen=True)
class UserPools:
    """Tokens of these Cognito user pools: access tokens with one of the scopes, or identity tokens."""

    arns: tuple[str, ...]
    scopes: frozenset[str]


@dataclass(frozen=True)
class Security:
    """What a method asks of its caller.

    Attributes:
        signed: whether the request must be signed with AWS Signature Version 4.
    """

    api_key: bool = False
    signed: bool = False
    pools: UserPools | None = None


def read_security(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Security:
    """What a method's own ``security`` asks for; API Gateway looks at no other.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html

    Raises:
        SecurityError: a scheme that is neither an API key, nor SigV4, nor a user pool.
    """
    schemes = document.get("components", {}).get("securitySchemes", {})
    found = Security()
    for requirement in entry.get("security", []):
        for name, scopes in requirement.items():
            found = _with(found, name, schemes.get(name, {}), scopes)
    return found


def _with(found: Security, name: str, scheme: Mapping[str, Any], scopes: list[str]) -> Security:
    kind = scheme.get("x-amazon-apigateway-authtype")
    where = str(scheme.get("name")).lower() if scheme.get("in") == "header" else None
    if scheme.get("type") == "apiKey" and kind is None:
        return Security(found.api_key or where == "x-api-key", found.signed, found.pools)
    if kind == "awsSigv4" and where == "authorization":
        return Security(found.api_key, True, found.pools)
    settings = scheme.get("x-amazon-apigateway-authorizer", {})
    arns = tuple(settings.get("providerARNs", []))
    if kind == settings.get("type") == "cognito_user_pools" and where == "authorization" and arns:
        return Security(found.api_key, found.signed, UserPools(arns, frozenset(scopes)))
    raise SecurityError(
        f"security scheme {name!r}: the local AWS checks API keys, awsSigv4 and tokens of Cognito user pools"
    )
