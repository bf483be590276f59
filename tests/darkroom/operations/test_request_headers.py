"""What requests carry for each authorizer."""

from __future__ import annotations

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from darkroom.api_access import ApiAccess
from darkroom.operations.request_headers import NoCredentialsError, request_headers

URL = "https://abc.execute-api.us-east-1.amazonaws.com/live/v1/images"
ACCESS = {
    "api-key": ApiAccess(URL, "k"),
    "iam": ApiAccess(URL, None, "iam"),
    "jwt": ApiAccess(URL, None, "jwt"),
}


@pytest.fixture
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="AKIA", aws_secret_access_key="secret", region_name="us-east-1")


def test_a_signed_request_has_botocores_signature_for_the_api(session: boto3.Session) -> None:
    headers = request_headers(ACCESS["iam"], "POST", URL, b'{"prompt": "p"}', session=session)
    again = AWSRequest("POST", URL, {"content-type": "application/json"}, b'{"prompt": "p"}')
    again.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(session.get_credentials().get_frozen_credentials(), "execute-api", "us-east-1")
    again.headers["X-Amz-Date"] = headers["x-amz-date"]
    expected = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert headers["authorization"].endswith(expected)
    assert "/us-east-1/execute-api/aws4_request" in headers["authorization"]


def test_another_body_is_another_signature(session: boto3.Session) -> None:
    one, other = (
        request_headers(ACCESS["iam"], "POST", URL, body, session=session)["authorization"]
        for body in (b"a", b"b")
    )
    assert one != other


def test_a_token_is_carried_as_a_bearers() -> None:
    assert request_headers(ACCESS["jwt"], "GET", URL, token="abc") == {"authorization": "Bearer abc"}


def test_a_key_is_carried_in_its_header() -> None:
    assert request_headers(ACCESS["api-key"], "GET", URL) == {"x-api-key": "k"}


def test_without_what_the_authorizer_wants_it_says_what_to_give(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoCredentialsError, match="--token or in DARKROOM_TOKEN"):
        request_headers(ACCESS["jwt"], "GET", URL)
    monkeypatch.setattr(session, "get_credentials", lambda: None)
    with pytest.raises(NoCredentialsError, match="set AWS credentials"):
        request_headers(ACCESS["iam"], "GET", URL, session=session)
