"""What a campaign's roles do only now and then: done here, so that a test sees it."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.deployment import Deployment
from tests.eventually import eventually

_LONG_AGO = "2020-01-01T00:00:00Z"


def end_due_keys(deployment: Deployment) -> None:
    """Have the schedule's function revoke a made key and the stack's own, whose times are over.

    The own one is valid again afterwards.
    """
    gateway, own = deployment.client("apigateway"), deployment.output("api", "ApiKeyId")
    tags = {"darkroom:campaign": deployment.name}
    name, due = f"{deployment.name}-due", f"for a test; revoke after {_LONG_AGO}"
    made = gateway.create_api_key(name=name, description=due, enabled=True, tags=tags)["id"]
    plan = deployment.resource("api", "AWS::ApiGateway::UsagePlan")
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=made, keyType="API_KEY")
    before = gateway.get_api_key(apiKey=own).get("description", "")
    try:
        _describe(gateway, own, due)
        _invoke(deployment, "api_keys.handler.handler")
        kept = {one["id"]: one["enabled"] for one in gateway.get_api_keys()["items"]}
        assert made not in kept
        assert kept[own] is False
    finally:
        _describe(gateway, own, before)
        enabled = [{"op": "replace", "path": "/enabled", "value": "true"}]
        gateway.update_api_key(apiKey=own, patchOperations=enabled)


def update_the_endpoint(deployment: Deployment) -> None:
    """Have the endpoint go over to a like configuration, watched by the campaign's alarms, and back."""
    sagemaker = deployment.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=deployment.name)
    before = endpoint["EndpointConfigName"]
    kept = ("ProductionVariants", "AsyncInferenceConfig", "KmsKeyId")
    described = sagemaker.describe_endpoint_config(EndpointConfigName=before)
    like = {name: described[name] for name in kept if name in described}
    after = f"{deployment.name}-like"
    sagemaker.create_endpoint_config(EndpointConfigName=after, **like)
    pages = deployment.client("cloudwatch").get_paginator("describe_alarms")
    found = pages.paginate(AlarmNamePrefix=f"{deployment.name}-update-")
    alarms = [{"AlarmName": one["AlarmName"]} for page in found for one in page["MetricAlarms"]]
    assert alarms
    try:
        for name in (after, before):
            _update(deployment, name, alarms)
    finally:
        sagemaker.delete_endpoint_config(EndpointConfigName=after)


def _update(deployment: Deployment, config: str, alarms: list[dict[str, str]]) -> None:
    sagemaker = deployment.client("sagemaker")
    traffic = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    guarded = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic},
        "AutoRollbackConfiguration": {"Alarms": alarms},
    }
    name = deployment.name
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, DeploymentConfig=guarded)

    def is_over() -> bool:
        return bool(sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")

    eventually(is_over, "the endpoint in service", seconds=120, every=0.5)
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"] == config


def _describe(gateway: Any, key: str, text: str) -> None:
    changed = [{"op": "replace", "path": "/description", "value": text}]
    gateway.update_api_key(apiKey=key, patchOperations=changed)


def _invoke(deployment: Deployment, handler: str) -> None:
    functions = deployment.client("lambda")
    [name] = [
        one["FunctionName"]
        for one in functions.list_functions()["Functions"]
        if one["Handler"] == handler and one["FunctionName"].startswith(f"{deployment.name}-")
    ]
    answer = functions.invoke(FunctionName=name, Payload=json.dumps({"source": "aws.events"}).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()
