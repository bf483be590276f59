"""A REST API made from an OpenAPI document, with a key, a plan and a function behind it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from darkroom.sandbox.cloudformation.handler import Resource
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws

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


HEADER = {"type": "apiKey", "name": "Authorization", "in": "header"}


def secured(campaign: Campaign, scheme: Mapping[str, Any], scopes: list[str]) -> dict[str, Any]:
    """The document with every method of the images open to callers by ``scheme``."""
    function = campaign.aws.client("lambda").get_function(FunctionName="front")
    body = document(function["Configuration"]["FunctionArn"])
    body["components"]["securitySchemes"]["caller"] = scheme
    for path in ("/v1/images", "/v1/images/{id}"):
        for method in body["paths"][path].values():
            method["security"] = [{"caller": scopes}]
    return body


def calls(campaign: Campaign) -> int:
    """How often the function ran."""
    return sum("START" in line for line in campaign.aws.log("/aws/lambda/front"))
