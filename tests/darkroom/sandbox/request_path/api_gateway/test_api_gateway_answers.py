"""What becomes of the answer of the function."""

from __future__ import annotations

import pytest

from tests.darkroom.sandbox.request_path.api_gateway.conftest import (
    deploy,
    redeploy,
)
from tests.darkroom.sandbox.request_path.conftest import Aws


@pytest.mark.parametrize(
    "source",
    [
        "def handler(e, c): return 'text'",
        "def handler(e, c): return {'body': 'no status'}",
        "def handler(e, c): return {'statusCode': 200, 'body': {'not': 'a string'}}",
        "def handler(e, c): return {'statusCode': 200, 'headers': {'a': {}}}",
        "def handler(e, c): raise RuntimeError('broken')",
    ],
)
def test_a_broken_answer_is_a_bad_gateway(aws: Aws, source: str) -> None:
    answer = deploy(aws, source).call("GET", "/open")
    assert (answer.status, answer.json()) == (502, {"message": "Internal server error"})


def test_an_answer_keeps_its_status_headers_and_body(aws: Aws) -> None:
    source = """
    def handler(event, context):
        return {"statusCode": 202, "headers": {"Location": "v1/images/1", "Retry-After": 5},
                "multiValueHeaders": {"X-Many": ["1", "2"]}, "body": "\\u00e9"}
    """
    answer = deploy(aws, source).call("GET", "/open")
    assert answer.status == 202
    assert answer.headers["Location"] == "v1/images/1"
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Amzn-Trace-Id"].startswith("Root=")
    assert answer.body == "é".encode()


def test_binary_bodies_travel_in_base64(aws: Aws) -> None:
    source = """
    def handler(event, context):
        return {"statusCode": 200, "headers": {"Content-Type": "image/png"},
                "isBase64Encoded": event["isBase64Encoded"], "body": event["body"]}
    """
    campaign = deploy(aws, source, extensions={"x-amazon-apigateway-binary-media-types": ["image/png"]})
    headers = {"Content-Type": "image/png", "Accept": "image/png"}
    assert campaign.call("GET", "/open", b"\x89PNG\x00\xff", headers=headers).body == b"\x89PNG\x00\xff"


def test_a_function_that_takes_too_long_is_a_gateway_timeout(aws: Aws) -> None:
    campaign = deploy(aws, "import time\ndef handler(e, c): time.sleep(5)")
    slow = campaign.api_properties["Body"]
    slow["paths"]["/open"]["get"]["x-amazon-apigateway-integration"] = {
        **slow["paths"]["/open"]["get"]["x-amazon-apigateway-integration"],
        "timeoutInMillis": 200,
    }
    redeploy(campaign, slow)
    answer = campaign.call("GET", "/open")
    assert (answer.status, answer.json()) == (504, {"message": "Endpoint request timed out"})
