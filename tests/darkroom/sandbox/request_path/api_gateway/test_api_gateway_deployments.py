"""What a stage serves, records and leaves behind."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.darkroom.sandbox.request_path.api_gateway.conftest import (
    BODY,
    Campaign,
    deploy,
    document,
    redeploy,
)
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws
from tests.eventually import eventually


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
