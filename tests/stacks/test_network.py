"""network: isolated, as the templates say it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stacks.synthesized import Synth, Synthesized

GUARDRAIL = {"id": "abcdefgh1234", "version": "1"}


@pytest.fixture(scope="module")
def walled(synth: Synth) -> Synthesized:
    return synth("demo", network="isolated")


def endpoint_services(synthesized: Synthesized) -> set[str]:
    found = synthesized.resources("data", "AWS::EC2::VPCEndpoint").values()
    return {each["Properties"]["ServiceName"].partition("us-east-1.")[2] for each in found}


def test_a_public_campaign_has_no_network(synth: Synth) -> None:
    public = synth("demo")
    for stack in public.stacks:
        types = {each["Type"] for each in public.template(stack)["Resources"].values()}
        assert not [each for each in types if each.startswith("AWS::EC2")]
        for function in public.resources(stack, "AWS::Lambda::Function").values():
            assert "VpcConfig" not in function["Properties"]
    assert "VpcConfig" not in public.only("inference", "AWS::SageMaker::Model")


def test_there_is_no_way_out_of_the_subnets(walled: Synthesized) -> None:
    types = {each["Type"] for each in walled.template("data")["Resources"].values()}
    for way_out in ("InternetGateway", "NatGateway", "EgressOnlyInternetGateway", "TransitGatewayAttachment"):
        assert f"AWS::EC2::{way_out}" not in types
    # A route table without routes of its own has the VPC's, and those that gateway endpoints add.
    assert "AWS::EC2::Route" not in types
    subnets = walled.resources("data", "AWS::EC2::Subnet").values()
    assert [each["Properties"]["MapPublicIpOnLaunch"] for each in subnets] == [False, False]
    assert len({str(each["Properties"]["AvailabilityZone"]) for each in subnets}) == 2


def test_every_function_is_in_it(walled: Synthesized) -> None:
    for stack in ("data", "api"):
        functions = walled.resources(stack, "AWS::Lambda::Function")
        assert functions
        for function in functions.values():
            if function["Properties"]["Handler"] == "api_keys.handler.handler":
                # It calls API Gateway's control plane, and nothing of what the campaign holds.
                assert "VpcConfig" not in function["Properties"]
                continue
            assert len(function["Properties"]["VpcConfig"]["SubnetIds"]) == 2


def test_the_model_is_in_it_and_can_make_no_connection(walled: Synthesized) -> None:
    model = walled.only("inference", "AWS::SageMaker::Model")
    assert len(model["VpcConfig"]["Subnets"]) == 2
    assert model["EnableNetworkIsolation"] is True


@pytest.mark.parametrize(
    ("campaign", "changes", "services"),
    [
        ("demo", {}, {"sagemaker.runtime"}),
        ("storefront", {}, {"sagemaker.runtime", "sqs"}),
        ("demo", {"moderation": {"blocked_words": ["x"]}}, {"sagemaker.runtime"}),
        ("demo", {"moderation": {"guardrail": GUARDRAIL}}, {"sagemaker.runtime", "bedrock-runtime"}),
        ("demo", {"moderation": {"pictures": {}}}, {"sagemaker.runtime", "rekognition"}),
    ],
)
def test_there_are_the_endpoints_that_functions_call_and_no_other(
    synth: Synth, campaign: str, changes: dict[str, Any], services: set[str]
) -> None:
    found = synth(campaign, network="isolated", **changes)
    assert endpoint_services(found) == {"s3", "dynamodb", *services}


def test_the_endpoints_pass_calls_of_the_account_to_the_account_alone(walled: Synthesized) -> None:
    for endpoint in walled.resources("data", "AWS::EC2::VPCEndpoint").values():
        for statement in endpoint["Properties"]["PolicyDocument"]["Statement"]:
            assert not [action for action in statement["Action"] if action.endswith("*")]
            condition = statement.get("Condition", {}).get("StringEquals", {})
            if "aws:PrincipalAccount" not in condition:
                # CloudFormation's own bucket, by a URL that it signed.
                assert statement["Action"] == ["s3:PutObject"]
                (place,) = statement["Resource"]
                assert place == "arn:aws:s3:::cloudformation-custom-resource-response-useast1/*"


@pytest.mark.parametrize("campaign", ["demo", "storefront"])
def test_nothing_passes_an_endpoint_that_no_function_or_model_may_do(synth: Synth, campaign: str) -> None:
    moderated = {"moderation": {"guardrail": GUARDRAIL, "pictures": {}}}
    found = synth(campaign, network="isolated", **moderated)
    granted = {
        action
        for stack in found.stacks
        for kind in ("AWS::IAM::Role", "AWS::IAM::Policy")
        for each in found.resources(stack, kind).values()
        for document in (
            *(one["PolicyDocument"] for one in each["Properties"].get("Policies", [])),
            *([each["Properties"]["PolicyDocument"]] if kind == "AWS::IAM::Policy" else []),
        )
        for statement in document["Statement"]
        for action in listed(statement["Action"])
    }
    passing = {
        action
        for endpoint in found.resources("data", "AWS::EC2::VPCEndpoint").values()
        for statement in endpoint["Properties"]["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }
    assert passing
    assert passing - granted == set()


def listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def test_security_groups_let_nothing_in_but_the_functions_to_the_endpoints(walled: Synthesized) -> None:
    groups = walled.resources("data", "AWS::EC2::SecurityGroup").values()
    assert not any("SecurityGroupIngress" in each["Properties"] for each in groups)
    ingress = walled.only("data", "AWS::EC2::SecurityGroupIngress")
    assert (ingress["FromPort"], ingress["ToPort"]) == (443, 443)
    assert "FunctionsGroup" in str(ingress["SourceSecurityGroupId"])
    assert "EndpointsGroup" in str(ingress["GroupId"])
    for rule in walled.resources("data", "AWS::EC2::SecurityGroupEgress").values():
        assert (rule["Properties"]["FromPort"], rule["Properties"]["ToPort"]) == (443, 443)


def test_the_buckets_are_emptied_before_the_network_goes(walled: Synthesized) -> None:
    cleanup = walled.named("data", "AWS::Lambda::Function", "BucketCleanup")
    endpoints = walled.resources("data", "AWS::EC2::VPCEndpoint").keys()
    assert endpoints <= set(cleanup["DependsOn"])


def test_traffic_is_logged(walled: Synthesized) -> None:
    log = walled.only("data", "AWS::EC2::FlowLog")
    assert log["TrafficType"] == "ALL"


def test_build_jobs_are_in_it(synth: Synth) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/building:1"
    found = synth("demo", network="isolated", build={"image": image})
    machine = str(found.only("build", "AWS::StepFunctions::StateMachine")["DefinitionString"])
    # One for each of the jobs: compile and publish.
    assert machine.count("VpcConfig") == 2
