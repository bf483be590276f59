from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from darkroom.sandbox.cloudformation.handler import Resource
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws
from tests.eventually import eventually

ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}
"""
BODY = {"prompt": "a lighthouse"}


def document(function: str, **more: Any) -> dict[str, Any]:
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations",
    }
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["prompt"],
        "properties": {
            "prompt": {"type": "string", "minLength": 1, "maxLength": 20},
            "steps": {"type": "integer", "minimum": 1, "maximum": 8},
        },
    }
    post = {
        "security": [{"api_key": []}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ImageRequest"}}},
        },
        "x-amazon-apigateway-integration": integration,
    }
    get = {
        "security": [{"api_key": []}],
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "x-amazon-apigateway-integration": integration,
    }
    needy = {
        "parameters": [
            {"name": "page", "in": "query", "required": True, "schema": {"type": "string"}},
            {"name": "X-Trace", "in": "header", "required": True, "schema": {"type": "string"}},
        ],
        "x-amazon-apigateway-integration": integration,
    }
    return {
        "openapi": "3.0.1",
        "info": {"title": "images", "version": "1"},
        "paths": {
            "/v1/images": {"post": post},
            "/v1/images/{id}": {"get": get},
            "/open": {"get": {"x-amazon-apigateway-integration": integration}, "parameters": []},
            "/needy": {"get": needy},
        },
        "components": {
            "schemas": {"ImageRequest": schema},
            "securitySchemes": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
        },
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-request-validator": "all",
        **more,
    }


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Campaign:
    """A deployed API with a key."""

    aws: Aws
    api: Resource
    api_properties: dict[str, Any]
    stage: Resource
    stage_properties: dict[str, Any]
    plan: Resource
    plan_properties: dict[str, Any]
    key_id: str

    @property
    def key(self) -> str:
        return str(self.aws.client("apigateway").get_api_key(apiKey=self.key_id, includeValue=True)["value"])

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; with the campaign's key unless told otherwise."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if key is not None:
            sent["x-api-key"] = key or self.key
        connection = http.client.HTTPConnection("localhost", self.aws.context.settings.port, timeout=40)
        payload = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, f"/execute-api/{self.api.physical_id}/live{path}", payload, sent)
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read())
        connection.close()
        return answer


def deploy(
    aws: Aws,
    source: str = ECHO,
    plan: Mapping[str, Any] | None = None,
    extensions: Mapping[str, Any] | None = None,
) -> Campaign:
    function = aws.function("front", source)
    api_properties = {"Name": "demo", "Body": document(function, **(extensions or {}))}
    api = aws.create("AWS::ApiGateway::RestApi", api_properties)
    aws.create(
        "AWS::Lambda::Permission",
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": function,
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.physical_id}/live/*/*",
        },
    )
    deployment = aws.create("AWS::ApiGateway::Deployment", {"RestApiId": api.physical_id})
    stage_properties = {
        "RestApiId": api.physical_id,
        "DeploymentId": deployment.physical_id,
        "StageName": "live",
        "Variables": {"mood": "bright"},
    }
    stage = aws.create("AWS::ApiGateway::Stage", stage_properties)
    key = aws.create("AWS::ApiGateway::ApiKey", {"Enabled": True})
    plan_properties = {"ApiStages": [{"ApiId": api.physical_id, "Stage": "live"}], **(plan or {})}
    usage_plan = aws.create("AWS::ApiGateway::UsagePlan", plan_properties)
    plan_key = {"KeyId": key.physical_id, "KeyType": "API_KEY", "UsagePlanId": usage_plan.physical_id}
    aws.create("AWS::ApiGateway::UsagePlanKey", plan_key)
    return Campaign(
        aws, api, api_properties, stage, stage_properties, usage_plan, plan_properties, key.physical_id
    )


@pytest.fixture
def campaign(aws: Aws) -> Campaign:
    return deploy(aws)


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


def redeploy(campaign: Campaign, body: dict[str, Any]) -> None:
    aws = campaign.aws
    aws.update(
        "AWS::ApiGateway::RestApi",
        campaign.api,
        campaign.api_properties,
        {**campaign.api_properties, "Body": body},
    )
    deployment = aws.create("AWS::ApiGateway::Deployment", {"RestApiId": campaign.api.physical_id})
    after = {**campaign.stage_properties, "DeploymentId": deployment.physical_id}
    aws.update("AWS::ApiGateway::Stage", campaign.stage, campaign.stage_properties, after)


def test_a_changed_document_is_served_once_it_is_deployed(campaign: Campaign) -> None:
    body = json.loads(json.dumps(campaign.api_properties["Body"]))
    body["paths"]["/new"] = body["paths"]["/open"]
    aws = campaign.aws
    aws.update(
        "AWS::ApiGateway::RestApi",
        campaign.api,
        campaign.api_properties,
        {**campaign.api_properties, "Body": body},
    )
    assert campaign.call("GET", "/new").status == 403
    redeploy(campaign, body)
    assert campaign.call("GET", "/new").status == 200


def test_without_permission_the_function_is_not_invoked(aws: Aws) -> None:
    campaign = deploy(aws)
    client = aws.client("lambda")
    policy = json.loads(client.get_policy(FunctionName="front")["Policy"])
    client.remove_permission(FunctionName="front", StatementId=policy["Statement"][0]["Sid"])
    answer = campaign.call("GET", "/open")
    assert (answer.status, answer.json()) == (500, {"message": "Internal server error"})
    assert aws.context.processes.living() == []


def test_the_default_gateway_response_applies_to_what_has_none_of_its_own(aws: Aws) -> None:
    problem = {
        "responseParameters": {
            "gatewayresponse.header.Content-Type": "'application/problem+json'",
            "gatewayresponse.header.X-Sent": "method.request.header.X-Mine",
        },
        "responseTemplates": {
            "application/json": '{"type": "$context.error.responseType", "id": "$context.requestId"}'
        },
    }
    teapot = {"statusCode": "418"}
    responses = {"DEFAULT_4XX": problem, "INVALID_API_KEY": teapot}
    campaign = deploy(aws, extensions={"x-amazon-apigateway-gateway-responses": responses})
    answer = campaign.call("GET", "/nowhere", headers={"X-Mine": "hello"})
    assert answer.status == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Sent"] == "hello"
    assert answer.json() == {
        "type": "MISSING_AUTHENTICATION_TOKEN",
        "id": answer.headers["x-amzn-RequestId"],
    }
    assert campaign.call("GET", "/v1/images/1", key="wrong").status == 418


def test_the_access_log_is_written_in_the_stages_format(campaign: Campaign) -> None:
    aws = campaign.aws
    aws.client("logs").create_log_group(logGroupName="/darkroom/demo/api")
    log = {
        "DestinationArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/darkroom/demo/api",
        "Format": "$context.httpMethod $context.resourcePath $context.status "
        "$context.identity.apiKeyId $context.unheard",
    }
    after = {**campaign.stage_properties, "AccessLogSetting": log}
    aws.update("AWS::ApiGateway::Stage", campaign.stage, campaign.stage_properties, after)
    campaign.call("GET", "/v1/images/1")
    assert aws.log("/darkroom/demo/api") == [f"GET /v1/images/{{id}} 200 {campaign.key_id} -"]


def test_metrics_are_put_by_api_and_stage(campaign: Campaign) -> None:
    campaign.call("GET", "/open")
    campaign.call("GET", "/nowhere")
    aws = campaign.aws
    aws.context.clock.speed = 600

    def total(name: str) -> float:
        now = aws.context.clock.now()
        dimensions = [{"Name": "ApiName", "Value": "demo"}, {"Name": "Stage", "Value": "live"}]
        points = aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApiGateway",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - 7200,
            EndTime=now,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    eventually(lambda: total("Count") == 2)
    assert total("4XXError") == 1
    assert total("5XXError") == 0
    assert total("Latency") > 0


def test_many_simultaneous_requests_are_all_answered(campaign: Campaign) -> None:
    key = campaign.key
    campaign.call("GET", "/open")
    start = threading.Barrier(50)

    def post(_: int) -> int:
        start.wait()
        return campaign.call("POST", "/v1/images", BODY, key=key).status

    with ThreadPoolExecutor(50) as clients:
        assert list(clients.map(post, range(200))) == [200] * 200


def test_boto3_sees_the_api_its_stage_and_its_plan_and_delete_leaves_nothing(campaign: Campaign) -> None:
    client = campaign.aws.client("apigateway")
    api_id = campaign.api.physical_id
    paths = {resource["path"] for resource in client.get_resources(restApiId=api_id)["items"]}
    assert {"/v1/images", "/v1/images/{id}"} <= paths
    assert client.get_stages(restApiId=api_id)["item"][0]["stageName"] == "live"
    (plan,) = client.get_usage_plans(keyId=campaign.key_id)["items"]
    assert plan["apiStages"] == [{"apiId": api_id, "stage": "live"}]
    campaign.aws.delete("AWS::ApiGateway::UsagePlan", campaign.plan, campaign.plan_properties)
    campaign.aws.delete("AWS::ApiGateway::Stage", campaign.stage, campaign.stage_properties)
    campaign.aws.delete("AWS::ApiGateway::RestApi", campaign.api, campaign.api_properties)
    assert client.get_rest_apis()["items"] == []
    assert client.get_usage_plans()["items"] == []
    assert campaign.call("GET", "/open", key="x").status == 403


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"openapi": "3.1.0"}, "3.0"),
        ({"paths": {}}, "doesn't contain any methods"),
        ({"paths": {"/x": {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}}}, "mock"),
        ({"x-amazon-apigateway-request-validator": "none"}, "none"),
    ],
)
def test_a_document_that_cannot_be_served_is_refused_with_the_reason(
    aws: Aws, change: dict[str, Any], reason: str
) -> None:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:front"
    with pytest.raises(ValueError, match=reason):
        aws.create("AWS::ApiGateway::RestApi", {"Name": "demo", "Body": document(function, **change)})
    assert aws.client("apigateway").get_rest_apis()["items"] == []
