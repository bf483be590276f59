"""Callers known by AWS signatures and by tokens: the right are served, the function hears of no other."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import botocore.credentials
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from joserfc import jwk, jwt
from moto.cognitoidp.models import cognitoidp_backends
from moto.sts.models import sts_backends

from darkroom.sandbox.api_gateway.openapi import DocumentError, read_document
from tests.darkroom.sandbox.request_path.api_gateway.conftest import (
    BODY,
    Answer,
    Campaign,
    document,
    redeploy,
)
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws

HEADER = {"type": "apiKey", "name": "Authorization", "in": "header"}
SIGV4 = {**HEADER, "x-amazon-apigateway-authtype": "awsSigv4"}


def _with_security(body: dict[str, Any], scheme: Mapping[str, Any], scopes: list[str]) -> dict[str, Any]:
    body["components"]["securitySchemes"]["caller"] = scheme
    for path in ("/v1/images", "/v1/images/{id}"):
        for method in body["paths"][path].values():
            method["security"] = [{"caller": scopes}]
    return body


def _function_arn(campaign: Campaign) -> str:
    return campaign.aws.client("lambda").get_function(FunctionName="front")["Configuration"]["FunctionArn"]  # type: ignore[no-any-return]


def _calls(campaign: Campaign) -> int:
    return sum("START" in line for line in campaign.aws.log("/aws/lambda/front"))


# --- AWS Signature Version 4


@pytest.fixture
def signed(campaign: Campaign) -> Campaign:
    redeploy(campaign, _with_security(document(_function_arn(campaign)), SIGV4, []))
    return campaign


def _user(aws: Aws, resource: str, effect: str = "Allow") -> tuple[str, str]:
    """A user whose policy is about ``resource``; an access key of the user and its secret."""
    iam = aws.client("iam")
    iam.create_user(UserName="painter")
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="painter", PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName="painter")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _invoke(campaign: Campaign, path: str = "*") -> str:
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{campaign.api.physical_id}/live/{path}"


def _ask(
    campaign: Campaign,
    key: str,
    secret: str,
    *,
    token: str | None = None,
    signed_body: bytes | None = None,
    region: str = REGION,
    service: str = "execute-api",
    path: str = "/v1/images",
    change: Callable[[dict[str, str]], None] | None = None,
) -> Answer:
    """POST the body, signed as botocore signs."""
    body = json.dumps(BODY).encode()
    url = f"http://localhost:{campaign.aws.context.settings.port}/execute-api/{campaign.api.physical_id}/live{path}"
    request = AWSRequest("POST", url, {"Content-Type": "application/json"}, signed_body or body)
    SigV4Auth(botocore.credentials.Credentials(key, secret, token), service, region).add_auth(request)
    headers = dict(request.headers.items())
    if change is not None:
        change(headers)
    return campaign.call("POST", path, body, key=None, headers=headers)


def test_a_signed_request_of_a_user_who_may_invoke_is_served_and_its_signer_told(signed: Campaign) -> None:
    answer = _ask(signed, *_user(signed.aws, _invoke(signed, "POST/v1/images")))
    assert answer.status == 200
    identity = answer.json()["requestContext"]["identity"]
    assert identity["userArn"] == f"arn:aws:iam::{ACCOUNT}:user/painter"
    assert identity["accountId"] == ACCOUNT


def test_the_credentials_that_the_sandbox_prints_may_do_everything(signed: Campaign) -> None:
    assert _ask(signed, "sandbox", "sandbox").status == 200
    assert _ask(signed, "sandbox", "wrong").status == 403


def test_the_query_is_part_of_what_is_signed(signed: Campaign) -> None:
    key, secret = _user(signed.aws, _invoke(signed))
    assert _ask(signed, key, secret, path="/v1/images?b=2&a=%2F1").status == 200


def test_an_assumed_role_is_held_to_its_policy_and_needs_its_session_token(signed: Campaign) -> None:
    aws = signed.aws
    arn = aws.role()
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": _invoke(signed)}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    aws.client("iam").put_role_policy(
        RoleName="function", PolicyName="own", PolicyDocument=json.dumps(policy)
    )
    made = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="one")["Credentials"]
    key, secret, token = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    assert _ask(signed, key, secret, token=token).status == 200
    assert _ask(signed, key, secret).status == 403
    assert _ask(signed, key, secret, token="other").status == 403
    (session,) = [one for one in sts_backends[ACCOUNT]["aws"].assumed_roles if one.access_key_id == key]
    session.expiration = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    late = _ask(signed, key, secret, token=token)
    assert (late.status, late.headers["x-amzn-ErrorType"]) == (403, "ExpiredTokenException")


def _back_date(headers: dict[str, str]) -> None:
    headers["X-Amz-Date"] = "20200101T000000Z"


_FORGERIES: dict[str, dict[str, Any]] = {
    "another body": {"signed_body": b'{"prompt": "another"}'},
    "another region": {"region": "eu-west-1"},
    "another service": {"service": "s3"},
    "another date than was signed": {"change": _back_date},
    "an unsigned x-amz- header": {"change": lambda headers: headers.update({"x-amz-meta-a": "b"})},
    "a header that is no signature": {"change": lambda headers: headers.update(Authorization="Bearer x")},
    "half a signature": {
        "change": lambda headers: headers.update(Authorization=headers["Authorization"][:-8])
    },
}


@pytest.mark.parametrize("forgery", _FORGERIES)
def test_a_forged_signature_is_refused_and_the_function_never_runs(signed: Campaign, forgery: str) -> None:
    key, secret = _user(signed.aws, _invoke(signed))
    answer = _ask(signed, key, secret, **_FORGERIES[forgery])
    assert answer.status == 403
    assert _calls(signed) == 0


def test_an_unsigned_request_and_an_unknown_key_are_refused(signed: Campaign) -> None:
    unsigned = signed.call("POST", "/v1/images", BODY)  # an API key is no signature
    assert (unsigned.status, unsigned.headers["x-amzn-ErrorType"]) == (
        403,
        "MissingAuthenticationTokenException",
    )
    unknown = _ask(signed, "AKIAUNKNOWN", "secret")
    assert (unknown.status, unknown.headers["x-amzn-ErrorType"]) == (403, "UnrecognizedClientException")
    assert _calls(signed) == 0


@pytest.mark.parametrize(("minutes", "status"), [(-6, 403), (-4, 200), (4, 200), (6, 403)])
def test_a_signature_is_good_for_five_minutes(
    signed: Campaign, monkeypatch: pytest.MonkeyPatch, minutes: int, status: int
) -> None:
    key, secret = _user(signed.aws, _invoke(signed))
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: moment.replace(tzinfo=None))
    assert _ask(signed, key, secret).status == status


def test_a_signer_who_may_not_invoke_this_method_is_refused(signed: Campaign) -> None:
    credentials = _user(signed.aws, _invoke(signed, "GET/v1/images/*"))
    answer = _ask(signed, *credentials)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert "execute-api:Invoke" in answer.json()["message"]
    assert _calls(signed) == 0


def test_a_denial_wins_and_an_inactive_key_opens_nothing(signed: Campaign) -> None:
    key, secret = _user(signed.aws, _invoke(signed))
    iam = signed.aws.client("iam")
    iam.update_access_key(UserName="painter", AccessKeyId=key, Status="Inactive")
    assert _ask(signed, key, secret).status == 403
    iam.update_access_key(UserName="painter", AccessKeyId=key, Status="Active")
    assert _ask(signed, key, secret).status == 200
    statement = {"Effect": "Deny", "Action": "execute-api:*", "Resource": "*"}
    denial = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName="painter", PolicyName="no", PolicyDocument=json.dumps(denial))
    assert _ask(signed, key, secret).status == 403


# --- Tokens of a Cognito user pool


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
    redeploy(campaign, _with_security(document(_function_arn(campaign)), pool.scheme(), []))
    return campaign


@pytest.fixture
def scoped(campaign: Campaign, pool: Pool) -> Campaign:
    scopes = ["images/draw", "aws.cognito.signin.user.admin"]
    redeploy(campaign, _with_security(document(_function_arn(campaign)), pool.scheme(), scopes))
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
    calls = _calls(tokened)
    assert _post(tokened, pool.token(**_NEVER[fault])).status == 401
    assert _calls(tokened) == calls


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
    assert _calls(tokened) == 0


def test_a_scheme_that_nobody_plays_is_refused_by_name() -> None:
    scheme = {**HEADER, "x-amazon-apigateway-authtype": "custom"}
    with pytest.raises(DocumentError, match=r"post /v1/images: security scheme 'caller'"):
        read_document(_with_security(document("arn:aws:lambda:x:y:function:f"), scheme, []))
