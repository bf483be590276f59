"""Callers known by AWS signatures: the right ones are served, the function hears of no other."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import botocore.credentials
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from moto.sts.models import sts_backends

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

SIGV4 = {**HEADER, "x-amazon-apigateway-authtype": "awsSigv4"}


@pytest.fixture
def signed(campaign: Campaign) -> Campaign:
    redeploy(campaign, secured(campaign, SIGV4, []))
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
    assert calls(signed) == 0


def test_an_unsigned_request_and_an_unknown_key_are_refused(signed: Campaign) -> None:
    unsigned = signed.call("POST", "/v1/images", BODY)  # an API key is no signature
    assert (unsigned.status, unsigned.headers["x-amzn-ErrorType"]) == (
        403,
        "MissingAuthenticationTokenException",
    )
    unknown = _ask(signed, "AKIAUNKNOWN", "secret")
    assert (unknown.status, unknown.headers["x-amzn-ErrorType"]) == (403, "UnrecognizedClientException")
    assert calls(signed) == 0


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
    assert calls(signed) == 0


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
