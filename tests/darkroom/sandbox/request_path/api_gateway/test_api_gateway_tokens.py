"""Callers known by tokens of a user pool: the right ones are served, the function hears of no other."""

from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc import jwk, jwt
from moto.cognitoidp.models import cognitoidp_backends

from darkroom.sandbox.api_gateway.openapi import DocumentError, read_document
from tests.darkroom.sandbox.request_path.api_gateway.conftest import (
    BODY,
    HEADER,
    Answer,
    Campaign,
    calls,
    redeploy,
    secured,
)
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws


class Pool:
    """A user pool with a client and a user."""

    def __init__(self, aws: Aws) -> None:
        cognito = aws.client("cognito-idp")
        self.pool = cognito.create_user_pool(PoolName="painters")["UserPool"]
        flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        self.client = cognito.create_user_pool_client(
            UserPoolId=self.id, ClientName="app", ExplicitAuthFlows=flows
        )["UserPoolClient"]["ClientId"]
        cognito.admin_create_user(UserPoolId=self.id, Username="ada")
        cognito.admin_set_user_password(
            UserPoolId=self.id, Username="ada", Password="P4ssword!", Permanent=True
        )
        self.tokens = cognito.admin_initiate_auth(
            UserPoolId=self.id,
            ClientId=self.client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ada", "PASSWORD": "P4ssword!"},
        )["AuthenticationResult"]

    @property
    def id(self) -> str:
        return str(self.pool["Id"])

    def scheme(self) -> dict[str, Any]:
        arn = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{self.id}"
        authorizer = {"type": "cognito_user_pools", "providerARNs": [arn]}
        authtype = "cognito_user_pools"
        return {
            **HEADER,
            "x-amazon-apigateway-authtype": authtype,
            "x-amazon-apigateway-authorizer": authorizer,
        }

    def token(self, key: jwk.RSAKey | None = None, **changes: Any) -> str:
        """A token such as the pool makes, with some claims changed, signed by the pool or by ``key``."""
        own = cognitoidp_backends[ACCOUNT][REGION].user_pools[self.id].json_web_key
        claims = {
            "iss": f"https://cognito-idp.{REGION}.amazonaws.com/{self.id}",
            "sub": "ada",
            "aud": self.client,
            "token_use": "id",
            "exp": int(time.time()) + 60,
            **changes,
        }
        return jwt.encode({"alg": "RS256"}, claims, key or own)


def _post(campaign: Campaign, authorization: str | None) -> Answer:
    headers = {} if authorization is None else {"Authorization": authorization}
    return campaign.call("POST", "/v1/images", BODY, key=None, headers=headers)


@pytest.fixture
def pool(aws: Aws) -> Pool:
    return Pool(aws)


@pytest.fixture
def tokened(campaign: Campaign, pool: Pool) -> Campaign:
    redeploy(campaign, secured(campaign, pool.scheme(), []))
    return campaign


@pytest.fixture
def scoped(campaign: Campaign, pool: Pool) -> Campaign:
    scopes = ["images/draw", "aws.cognito.signin.user.admin"]
    redeploy(campaign, secured(campaign, pool.scheme(), scopes))
    return campaign


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_an_identity_token_of_the_pool_is_served_and_its_claims_told(
    tokened: Campaign, pool: Pool, prefix: str
) -> None:
    answer = _post(tokened, prefix + pool.tokens["IdToken"])
    assert answer.status == 200
    assert answer.json()["requestContext"]["authorizer"]["claims"]["cognito:username"] == "ada"


def test_with_scopes_an_access_token_needs_one_of_them(scoped: Campaign, pool: Pool) -> None:
    assert _post(scoped, pool.tokens["AccessToken"]).status == 200
    access = {"token_use": "access", "client_id": pool.client, "aud": None}
    assert _post(scoped, pool.token(**access, scope="email images/draw")).status == 200
    for scope in ("", "email", "images/drawing"):
        assert _post(scoped, pool.token(**access, scope=scope)).status == 401
    assert _post(scoped, pool.tokens["IdToken"]).status == 401


_NEVER: dict[str, dict[str, Any]] = {
    "of another pool": {"iss": f"https://cognito-idp.{REGION}.amazonaws.com/{REGION}_other"},
    "of no pool": {"iss": "https://evil.example.com"},
    "for another client": {"aud": "another"},
    "an access token where an identity token is due": {"token_use": "access"},
    "expired": {"exp": int(time.time()) - 1},
    "without an expiry": {"exp": None},
}


@pytest.mark.parametrize("fault", _NEVER)
def test_a_token_that_is_not_right_is_refused_and_the_function_never_runs(
    tokened: Campaign, pool: Pool, fault: str
) -> None:
    assert _post(tokened, pool.token()).status == 200
    before = calls(tokened)
    assert _post(tokened, pool.token(**_NEVER[fault])).status == 401
    assert calls(tokened) == before


def test_a_token_signed_by_somebody_else_or_by_nobody_is_refused(tokened: Campaign, pool: Pool) -> None:
    stranger = jwk.RSAKey.generate_key(2048)
    head, claims, signature = pool.token().split(".")
    none = jwt.encode({"alg": "HS256"}, {"iss": "x"}, jwk.OctKey.import_key("0" * 64), algorithms=["HS256"])
    for token in (
        pool.token(key=stranger),
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[::-1]}",
        none,
        "no token",
        "",
        None,
    ):
        assert _post(tokened, token).status == 401
    assert calls(tokened) == 0


def test_a_scheme_that_nobody_plays_is_refused_by_name(campaign: Campaign) -> None:
    scheme = {**HEADER, "x-amazon-apigateway-authtype": "custom"}
    with pytest.raises(DocumentError, match=r"post /v1/images: security scheme 'caller'"):
        read_document(secured(campaign, scheme, []))
