"""The three CloudFormation types, driven as the engine drives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.sandbox.cloudformation.handler import HANDLERS, HandlerRequest, Resource
from darkroom.sandbox.sagemaker.cloudformation import NotStabilizedError
from tests.darkroom.sandbox.sagemaker.conftest import BUCKET, REGION, ROLE, Aws


def request(
    aws: Aws, kind: str, properties: Mapping[str, Any], previous: Resource | None = None
) -> HandlerRequest:
    return HandlerRequest(
        type_name=f"AWS::SageMaker::{kind}",
        logical_id=kind,
        properties=properties,
        account_id="123456789012",
        region=REGION,
        stack_id="arn:aws:cloudformation:us-west-2:123456789012:stack/demo/1",
        stack_name="demo",
        previous=previous,
        endpoint_url=aws.url,
    )


def create(aws: Aws, kind: str, properties: Mapping[str, Any]) -> Resource:
    asked = request(aws, kind, properties)
    assert set(properties) <= HANDLERS[asked.type_name].properties
    return HANDLERS[asked.type_name].create(asked)


def config_properties(model: str, **more: Any) -> dict[str, Any]:
    return {
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName": model,
                "InstanceType": "ml.inf2.48xlarge",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1.0,
            }
        ],
        "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/pictures/"}},
        **more,
    }


def model_properties(aws: Aws, weights: str = "good") -> dict[str, Any]:
    described = aws.client("sagemaker").describe_model(ModelName=aws.make_model(f"source-{weights}", weights))
    return {"ExecutionRoleArn": ROLE, "PrimaryContainer": described["PrimaryContainer"]}


def test_a_stack_makes_changes_and_deletes_an_endpoint(aws: Aws) -> None:
    model = create(aws, "Model", {**model_properties(aws), "ModelName": "my-model"})
    assert model.attributes == {"ModelName": "my-model"}
    config = create(aws, "EndpointConfig", config_properties("my-model"))
    assert config.attributes["EndpointConfigName"].startswith("demo-EndpointConfig-")

    properties = {
        "EndpointName": "campaign",
        "EndpointConfigName": config.attributes["EndpointConfigName"],
        "RetainAllVariantProperties": True,
    }
    endpoint = create(aws, "Endpoint", properties)
    assert endpoint.physical_id == f"arn:aws:sagemaker:{REGION}:123456789012:endpoint/campaign"
    assert aws.describe("campaign")["EndpointStatus"] == "InService"

    second = create(aws, "EndpointConfig", config_properties("my-model", EndpointConfigName="second"))
    handler = HANDLERS["AWS::SageMaker::Endpoint"]
    handler.update(request(aws, "Endpoint", {**properties, "EndpointConfigName": "second"}, endpoint))
    assert aws.describe("campaign")["EndpointConfigName"] == "second"

    for kind, resource in (
        ("Endpoint", endpoint),
        ("EndpointConfig", config),
        ("EndpointConfig", second),
        ("Model", model),
    ):
        for _ in range(2):  # what is gone already is a success
            HANDLERS[f"AWS::SageMaker::{kind}"].delete(request(aws, kind, {}, resource))
    sagemaker = aws.client("sagemaker")
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert [model["ModelName"] for model in sagemaker.list_models()["Models"]] == ["source-good"]


def test_an_endpoint_that_does_not_start_fails_its_stack_and_leaves_nothing(aws: Aws) -> None:
    create(aws, "Model", {**model_properties(aws, "broken"), "ModelName": "broken"})
    create(aws, "EndpointConfig", config_properties("broken", EndpointConfigName="broken"))
    with pytest.raises(NotStabilizedError, match="the weights are broken"):
        create(aws, "Endpoint", {"EndpointName": "campaign", "EndpointConfigName": "broken"})
    assert aws.client("sagemaker").list_endpoints()["Endpoints"] == []


def test_an_update_that_is_rolled_back_fails_its_stack_with_the_reason(aws: Aws) -> None:
    aws.make_endpoint("campaign")
    aws.make_model("broken", weights="broken")
    aws.make_config("broken-config", model="broken")
    endpoint = Resource(f"arn:aws:sagemaker:{REGION}:123456789012:endpoint/campaign")
    changed = request(aws, "Endpoint", {"EndpointConfigName": "broken-config"}, endpoint)
    with pytest.raises(NotStabilizedError, match=r"rolled back: .*the weights are broken"):
        HANDLERS["AWS::SageMaker::Endpoint"].update(changed)


def test_a_wrong_property_fails_with_sagemakers_own_words(aws: Aws) -> None:
    properties = config_properties("nowhere")
    with pytest.raises(ClientError, match="Could not find model"):
        create(aws, "EndpointConfig", properties)
