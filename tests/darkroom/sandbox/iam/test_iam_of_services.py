"""Which permissions calls of each service need: without one refused by its name, with exactly them let in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from darkroom.sandbox.iam.call import Call, UnknownCallError
from darkroom.sandbox.iam.needs import needs
from darkroom.sandbox.process import REGION, SandboxProcess
from tests.darkroom.sandbox.iam.test_iam_enforcement import ACCOUNT, Role, allow, refused
from tests.darkroom.sandbox.request_path.conftest import package

EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"


def needed(service: str, operation: str, **parameters: Any) -> list[tuple[str, str]]:
    call = Call(service, operation, parameters, ACCOUNT, REGION)
    return [(need.action, need.resource) for need in needs(call)]


def test_a_key_is_let_go_by_its_tag(local_aws: SandboxProcess) -> None:
    gateway = local_aws.client("apigateway")
    ours, theirs = (
        gateway.create_api_key(name=name, tags={"darkroom:campaign": name})["id"]
        for name in ("ours", "theirs")
    )
    tagged = {"StringEquals": {"aws:ResourceTag/darkroom:campaign": "ours"}}
    keys = f"arn:aws:apigateway:{REGION}::/apikeys/*"
    role = Role(
        local_aws, "keeper", allow(["apigateway:GET", "apigateway:DELETE"], keys, Condition=tagged)
    ).client("apigateway")
    assert role.get_api_key(apiKey=ours)["name"] == "ours"
    code, message = refused(role.get_api_key, apiKey=theirs)
    assert code == "AccessDeniedException"
    assert f"apigateway:GET on resource: arn:aws:apigateway:{REGION}::/apikeys/{theirs}" in message
    code, message = refused(
        role.update_api_key, apiKey=ours, patchOperations=[{"op": "replace", "path": "/name", "value": "x"}]
    )
    assert "apigateway:PATCH" in message
    role.delete_api_key(apiKey=ours)
    refused(role.delete_api_key, apiKey=theirs)
    gateway.delete_api_key(apiKey=theirs)


def test_a_plan_s_keys_are_a_resource_of_their_own() -> None:
    plan = f"arn:aws:apigateway:{REGION}::/usageplans/abc"
    assert needed("apigateway", "GetUsagePlanKeys", usagePlanId="abc") == [("apigateway:GET", f"{plan}/keys")]
    with pytest.raises(UnknownCallError, match="apigateway:CreateRestApi"):
        needed("apigateway", "CreateRestApi", name="x")


def test_a_guardrail_is_applied_by_who_may_apply_that_one(local_aws: SandboxProcess) -> None:
    bedrock = local_aws.client("bedrock")
    made = bedrock.create_guardrail(
        name="held",
        blockedInputMessaging="No.",
        blockedOutputsMessaging="No.",
        wordPolicyConfig={"wordsConfig": [{"text": "rival"}]},
    )
    role = Role(local_aws, "asker", allow("bedrock:ApplyGuardrail", made["guardrailArn"]))
    asked = {"guardrailVersion": "DRAFT", "source": "INPUT", "content": [{"text": {"text": "a rival"}}]}
    runtime = role.client("bedrock-runtime")
    for name in (made["guardrailId"], made["guardrailArn"]):
        assert runtime.apply_guardrail(guardrailIdentifier=name, **asked)["action"] == "GUARDRAIL_INTERVENED"
    code, message = refused(runtime.apply_guardrail, guardrailIdentifier="another0", **asked)
    assert code == "AccessDeniedException"
    assert (
        f"bedrock:ApplyGuardrail on resource: arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/another0"
        in message
    )
    bedrock.delete_guardrail(guardrailIdentifier=made["guardrailId"])


def test_rekognition_reads_a_picture_by_the_permission_of_who_asks(local_aws: SandboxProcess) -> None:
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="iam-seen")
    s3.put_object(Bucket="iam-seen", Key="picture", Body=b"no picture")
    looking = allow("rekognition:DetectModerationLabels", "*")
    image = {"S3Object": {"Bucket": "iam-seen", "Name": "picture"}}
    blind = Role(local_aws, "blind-looker", looking).client("rekognition")
    _, message = refused(blind.detect_moderation_labels, Image=image)
    assert "s3:GetObject on resource: arn:aws:s3:::iam-seen/picture" in message
    reading = allow("s3:GetObject", "arn:aws:s3:::iam-seen/*")
    seeing = Role(local_aws, "seeing-looker", looking, reading).client("rekognition")
    with pytest.raises(seeing.exceptions.InvalidImageFormatException):
        seeing.detect_moderation_labels(Image=image)
    with pytest.raises(seeing.exceptions.InvalidS3ObjectException):
        seeing.detect_moderation_labels(Image={"S3Object": {"Bucket": "iam-seen", "Name": "none"}})
    s3.delete_object(Bucket="iam-seen", Key="picture")
    s3.delete_bucket(Bucket="iam-seen")


def test_an_interface_is_made_of_a_subnet_and_security_groups() -> None:
    made = needed("ec2", "CreateNetworkInterface", SubnetId="subnet-1", Groups=["sg-1", "sg-2"])
    assert {action for action, _ in made} == {"ec2:CreateNetworkInterface"}
    assert [resource for _, resource in made] == [
        f"{EC2}:network-interface/*",
        f"{EC2}:subnet/subnet-1",
        f"{EC2}:security-group/sg-1",
        f"{EC2}:security-group/sg-2",
    ]
    assert needed("ec2", "DescribeSubnets") == [("ec2:DescribeSubnets", "*")]
    assert needed("ec2", "DeleteNetworkInterface", NetworkInterfaceId="eni-1") == [
        ("ec2:DeleteNetworkInterface", f"{EC2}:network-interface/eni-1")
    ]
    with pytest.raises(UnknownCallError, match="ec2:RunInstances"):
        needed("ec2", "RunInstances")


OWN_CODE = """
import boto3
from botocore.exceptions import ClientError
def handler(event, context):
    try:
        return len(boto3.client("ec2").describe_subnets()["Subnets"])
    except ClientError as error:
        return error.response["Error"]
"""


def test_what_lambda_may_do_in_a_role_its_function_s_own_code_may_not(local_aws: SandboxProcess) -> None:
    """The condition of stacks/network_policies.py, with and without the ARN of a function that calls."""
    without = {"Null": {"lambda:SourceFunctionArn": "true"}}
    role = Role(local_aws, "attached", allow("ec2:DescribeSubnets", "*", Condition=without))
    assert role.client("ec2").describe_subnets()["Subnets"]
    functions = local_aws.client("lambda")
    functions.create_function(
        FunctionName="own-code",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role.arn,
        Code={"ZipFile": package({"index.py": OWN_CODE})},
        Timeout=30,
    )
    answer = json.loads(functions.invoke(FunctionName="own-code", Payload=b"{}")["Payload"].read())
    functions.delete_function(FunctionName="own-code")
    assert "ec2:DescribeSubnets" in answer["Message"]
    assert role.exercised("ec2:DescribeSubnets")[-1]["allowed"] is False
