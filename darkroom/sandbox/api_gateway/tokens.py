"""JSON Web Tokens of Cognito user pools, verified as the REST API's own authorizer does.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from moto.cognitoidp.models import CognitoIdpUserPool, cognitoidp_backends
from moto.utilities.arns import parse_arn

from darkroom.sandbox.api_gateway import response
from darkroom.sandbox.api_gateway.caller import Caller
from darkroom.sandbox.api_gateway.response import RefusedError
from darkroom.sandbox.api_gateway.security import UserPools


def verify_token(authorization: str, accepted: UserPools) -> Caller:
    """The caller whose token an Authorization header holds, with or without ``Bearer``.

    With scopes the token must be an access token that has one of them; without any, an identity token.

    Raises:
        RefusedError: there is none, or it is not signed by one of the pools, for one of its clients, or now.
    """
    token = authorization.removeprefix("Bearer ").strip()
    pools = {_issuer(pool): pool for pool in map(_find_pool, accepted.arns) if pool is not None}
    for issuer, pool in pools.items():
        claims = _verified(token, pool)
        if claims is None or claims.get("iss") != issuer:
            continue
        expires = claims.get("exp")
        if not isinstance(expires, int | float):
            break
        if expires <= time.time():
            raise RefusedError(response.EXPIRED_JWT)
        if _is_for(claims, pool, accepted.scopes):
            return Caller(claims=claims)
    raise RefusedError(response.UNAUTHORIZED)


def _find_pool(arn: str) -> CognitoIdpUserPool | None:
    where = parse_arn(arn)
    return cognitoidp_backends[where.account][where.region].user_pools.get(where.resource_id)


def _issuer(pool: CognitoIdpUserPool) -> str:
    return f"https://cognito-idp.{pool.region}.amazonaws.com/{pool.id}"


def _verified(token: str, pool: CognitoIdpUserPool) -> Mapping[str, Any] | None:
    """The claims under a signature of the pool's key. moto has one for all pools: their issuers differ."""
    try:
        claims: Mapping[str, Any] = jwt.decode(token, pool.json_web_key, algorithms=["RS256"]).claims
    except (JoseError, ValueError):
        return None
    return claims


def _is_for(claims: Mapping[str, Any], pool: CognitoIdpUserPool, scopes: frozenset[str]) -> bool:
    if not scopes:
        return claims.get("token_use") == "id" and claims.get("aud") in pool.clients
    has = set(str(claims.get("scope", "")).split())
    return (
        claims.get("token_use") == "access" and claims.get("client_id") in pool.clients and bool(has & scopes)
    )
