"""What requests carry for each authorizer."""

from __future__ import annotations

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from darkroom.operations.load.authorization import AuthorizationError, authorization, signature

URL = "https://abc.execute-api.us-east-1.amazonaws.com/live/v1/images"


@pytest.fixture
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="AKIA", aws_secret_access_key="secret", region_name="us-east-1")


def test_a_signed_request_has_botocores_signature_for_the_api(session: boto3.Session) -> None:
    headers = signature(session)("POST", URL, b'{"prompt": "p"}')
    again = AWSRequest(method="POST", url=URL, data=b'{"prompt": "p"}')
    again.context["timestamp"] = headers["X-Amz-Date"]
    signer = SigV4Auth(session.get_credentials().get_frozen_credentials(), "execute-api", "us-east-1")
    again.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    expected = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert headers["Authorization"].endswith(expected)
    assert "/us-east-1/execute-api/aws4_request" in headers["Authorization"]


def test_another_body_is_another_signature(session: boto3.Session) -> None:
    sign = signature(session)
    one, other = (sign("POST", URL, body)["Authorization"] for body in (b"a", b"b"))
    assert one != other


def test_a_token_is_carried_as_a_bearers(session: boto3.Session) -> None:
    authorize = authorization("demo", "jwt", session, token="abc")
    assert authorize("GET", URL, b"") == {"authorization": "Bearer abc"}


def test_without_what_the_authorizer_wants_it_says_what_to_give(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AuthorizationError, match="--token or in DARKROOM_TOKEN"):
        authorization("demo", "jwt", session)
    monkeypatch.setattr(session, "get_credentials", lambda: None)
    with pytest.raises(AuthorizationError, match="no AWS credentials"):
        signature(session)
