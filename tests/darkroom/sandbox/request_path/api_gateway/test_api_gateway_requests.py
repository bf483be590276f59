"""Who gets through to the function, and with what."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from tests.darkroom.sandbox.request_path.api_gateway.conftest import (
    BODY,
    Campaign,
    deploy,
)
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, Aws


def test_a_request_reaches_the_function_as_a_proxy_event(campaign: Campaign) -> None:
    answer = campaign.call("GET", "/v1/images/a%2Fb%20c?tag=x&tag=y&empty=", headers={"User-Agent": "tests"})
    assert answer.status == 200
    event = answer.json()
    assert event["resource"] == "/v1/images/{id}"
    assert event["path"] == "/v1/images/a/b c"
    assert event["httpMethod"] == "GET"
    assert event["pathParameters"] == {"id": "a/b c"}
    assert event["queryStringParameters"] == {"tag": "y", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"tag": ["x", "y"], "empty": [""]}
    assert event["stageVariables"] == {"mood": "bright"}
    assert event["body"] is None
    assert event["isBase64Encoded"] is False
    assert event["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert event["headers"]["X-Amzn-Trace-Id"].startswith("Root=1-")
    context = event["requestContext"]
    assert context["requestId"] == answer.headers["x-amzn-RequestId"]
    assert context["stage"] == "live"
    assert context["path"] == "/live/v1/images/a/b c"
    assert context["accountId"] == ACCOUNT
    assert context["apiId"] == campaign.api.physical_id
    assert context["identity"]["apiKeyId"] == campaign.key_id
    assert context["identity"]["userAgent"] == "tests"


def test_a_body_is_handed_on_as_it_was_sent(campaign: Campaign) -> None:
    raw = b'{ "prompt" : "caf\xc3\xa9" }'
    assert campaign.call("POST", "/v1/images", raw).json()["body"] == raw.decode()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("DELETE", "/v1/images"), ("GET", "/v1/images"), ("GET", "/")]
)
def test_an_unknown_path_or_method_is_a_missing_token(campaign: Campaign, method: str, path: str) -> None:
    answer = campaign.call(method, path)
    assert (answer.status, answer.json()) == (403, {"message": "Missing Authentication Token"})
    assert answer.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_an_unknown_stage_or_api_is_forbidden(campaign: Campaign) -> None:
    connection = http.client.HTTPConnection("localhost", campaign.aws.context.settings.port)
    for path in ("/execute-api/nothing/live/x", f"/execute-api/{campaign.api.physical_id}/test/v1/images"):
        connection.request("GET", path)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_a_valid_key_nothing_runs(campaign: Campaign, key: str | None) -> None:
    answer = campaign.call("POST", "/v1/images", BODY, key=key)
    assert (answer.status, answer.json()) == (403, {"message": "Forbidden"})
    assert campaign.aws.context.processes.living() == []


def test_a_disabled_key_and_a_key_of_no_plan_are_refused(campaign: Campaign) -> None:
    client = campaign.aws.client("apigateway")
    stray = client.create_api_key(name="stray", enabled=True)
    assert campaign.call("POST", "/v1/images", BODY, key=stray["value"]).status == 403
    client.update_api_key(
        apiKey=campaign.key_id, patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}]
    )
    assert campaign.call("POST", "/v1/images", BODY).status == 403


def test_a_method_without_security_needs_no_key(campaign: Campaign) -> None:
    assert campaign.call("GET", "/open", key=None).status == 200


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, 'object has missing required properties (["prompt"])'),
        (
            {"prompt": 5},
            'instance type (integer) does not match any allowed primitive type (allowed: ["string"])',
        ),
        ({"prompt": ""}, 'string "" is too short (length: 0, required minimum: 1)'),
        ({"prompt": "x" * 21}, f'string "{"x" * 21}" is too long (length: 21, maximum allowed: 20)'),
        (
            {"prompt": "x", "steps": 9},
            "numeric instance is greater than the required maximum (maximum: 8, found: 9)",
        ),
        (
            {"prompt": "x", "size": 1},
            'object instance has properties which are not allowed by the schema: ["size"]',
        ),
    ],
)
def test_a_body_that_its_model_refuses_is_answered_with_the_reason(aws: Aws, body: Any, reason: str) -> None:
    template = '{"detail": "$context.error.validationErrorString", "title": $context.error.messageString}'
    responses = {"BAD_REQUEST_BODY": {"responseTemplates": {"application/json": template}}}
    campaign = deploy(aws, extensions={"x-amazon-apigateway-gateway-responses": responses})
    answer = campaign.call("POST", "/v1/images", body)
    assert answer.status == 400
    assert answer.json() == {"detail": f"[{reason}]", "title": "Invalid request body"}
    assert aws.context.processes.living() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"prompt": NaN}',
        b"\xff\xfe",
        b'{"prompt": "x", "steps": 1e999}',
        b"9" * 5000,
    ],
)
def test_whatever_is_no_valid_json_is_a_bad_request(campaign: Campaign, body: bytes) -> None:
    answer = campaign.call("POST", "/v1/images", body)
    assert (answer.status, answer.json()) == (400, {"message": "Invalid request body"})


def test_a_body_of_a_type_without_a_model_is_the_functions_to_judge(campaign: Campaign) -> None:
    answer = campaign.call("POST", "/v1/images", b"<prompt/>", headers={"Content-Type": "text/xml"})
    assert answer.json()["body"] == "<prompt/>"


def test_missing_parameters_are_named(campaign: Campaign) -> None:
    answer = campaign.call("GET", "/needy?page=", key=None)
    message = "Missing required request parameters: [page, X-Trace]"
    assert (answer.status, answer.json()) == (400, {"message": message})
    assert campaign.call("GET", "/needy?page=1", key=None, headers={"X-Trace": "1"}).status == 200


def test_a_body_over_ten_megabytes_is_too_large(campaign: Campaign) -> None:
    connection = http.client.HTTPConnection("localhost", campaign.aws.context.settings.port)
    connection.putrequest("POST", f"/execute-api/{campaign.api.physical_id}/live/v1/images")
    connection.putheader("x-api-key", campaign.key)
    connection.putheader("Content-Length", str(10 * 1024 * 1024 + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_a_burst_beyond_the_plan_is_throttled(aws: Aws) -> None:
    campaign = deploy(aws, plan={"Throttle": {"RateLimit": 0.001, "BurstLimit": 3}})
    key = campaign.key
    statuses = [campaign.call("GET", "/v1/images/1", key=key).status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert campaign.call("GET", "/v1/images/1", key=key).json() == {"message": "Too Many Requests"}


def test_a_stage_throttles_each_method_by_itself(campaign: Campaign) -> None:
    setting = {
        "HttpMethod": "*",
        "ResourcePath": "/*",
        "ThrottlingRateLimit": 0.001,
        "ThrottlingBurstLimit": 1,
    }
    after = {**campaign.stage_properties, "MethodSettings": [setting]}
    campaign.aws.update("AWS::ApiGateway::Stage", campaign.stage, campaign.stage_properties, after)
    assert [campaign.call("GET", "/v1/images/1").status for _ in range(2)] == [200, 429]
    assert campaign.call("GET", "/open").status == 200


def test_a_used_up_quota_refuses_the_key(aws: Aws) -> None:
    campaign = deploy(aws, plan={"Quota": {"Limit": 1, "Period": "DAY"}})
    assert campaign.call("GET", "/v1/images/1").status == 200
    refused = campaign.call("GET", "/v1/images/1")
    assert (refused.status, refused.json()) == (429, {"message": "Limit Exceeded"})
