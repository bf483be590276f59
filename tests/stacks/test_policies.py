"""Every policy and every value of every template: exact actions, exact resources, no secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stacks.synthesized import Synth, Synthesized
from tests.stacks.test_configurations import CONFIGURATIONS

# Actions for which IAM has no resource but *, each with what holds it instead.
WITHOUT_RESOURCE = {
    "cloudwatch:PutMetricData": "Held to SageMaker's namespaces by a condition.",
    "ec2:DescribeDhcpOptions": "What describes takes no resource.",
    "ec2:DescribeNetworkInterfaces": "As above.",
    "ec2:DescribeSecurityGroups": "As above.",
    "ec2:DescribeSubnets": "As above.",
    "ec2:DescribeVpcs": "As above.",
    "ecr:GetAuthorizationToken": "A token for the registry; what it pulls is held by repository.",
    "logs:CreateLogDelivery": "Step Functions' logging; the log deliveries of an account have no ARN.",
    "logs:DeleteLogDelivery": "As above.",
    "logs:DescribeLogGroups": "As above.",
    "logs:DescribeResourcePolicies": "As above.",
    "logs:GetLogDelivery": "As above.",
    "logs:ListLogDeliveries": "As above.",
    "logs:PutResourcePolicy": "As above.",
    "logs:UpdateLogDelivery": "As above.",
    "rekognition:DetectModerationLabels": "Only an adapter's model would be a resource, and there is none.",
    "xray:GetSamplingRules": "X-Ray's sampling is the account's.",
    "xray:GetSamplingTargets": "As above.",
    "xray:PutTelemetryRecords": "Trace segments have no ARN.",
    "xray:PutTraceSegments": "As above.",
}

# Done by Lambda and SageMaker alone, for an interface that has no id before it is made: their guides give the
# statements with *. A function's own code is kept out by a condition, a model's by network isolation; a build
# job's could make an interface in the account, for it needs credentials to read and write S3.
ATTACHING = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:UnassignPrivateIpAddresses",
}

# A wildcard action that is no role's.
KEY_OF_ACCOUNT = (
    "KMS's own default: the account's policies may allow use of its key. Without it nobody could ever change "
    "or delete the key (KMS developer guide, 'Default key policy')."
)


@pytest.fixture(params=CONFIGURATIONS)
def synthesized(request: pytest.FixtureRequest, synth: Synth) -> Synthesized:
    name, overrides = CONFIGURATIONS[request.param]
    return synth(name, checked=True, **overrides)


def _resources(synthesized: Synthesized) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack in synthesized.stacks:
        yield from synthesized.template(stack)["Resources"].items()


def _statements_of_roles(synthesized: Synthesized) -> Iterator[tuple[str, dict[str, Any]]]:
    for id, resource in _resources(synthesized):
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            documents = [one["PolicyDocument"] for one in properties.get("Policies", [])]
        elif resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            documents = [properties["PolicyDocument"]]
        else:
            continue
        for document in documents:
            for statement in document["Statement"]:
                yield id, statement


def _every_statement(value: Any) -> Iterator[dict[str, Any]]:
    """Statements wherever they stand: roles', resources'."""
    if isinstance(value, dict):
        if "Effect" in value and ("Action" in value or "NotAction" in value):
            yield value
        for inner in value.values():
            yield from _every_statement(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _every_statement(inner)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_no_policy_allows_a_wildcard_action(synthesized: Synthesized) -> None:
    for id, resource in _resources(synthesized):
        for statement in _every_statement(resource):
            if statement["Effect"] == "Deny":
                continue
            assert "NotAction" not in statement, id
            wild = [action for action in _listed(statement["Action"]) if "*" in action or "?" in action]
            if resource["Type"] == "AWS::KMS::Key" and wild == ["kms:*"]:
                principal = str(statement["Principal"]["AWS"])
                assert ":root" in principal, KEY_OF_ACCOUNT
                continue
            assert wild == [], id


def test_a_wildcard_resource_is_granted_only_where_iam_has_nothing_else(synthesized: Synthesized) -> None:
    statements = list(_statements_of_roles(synthesized))
    assert len(statements) >= 10
    for id, statement in statements:
        assert "NotResource" not in statement, id
        if "*" in _listed(statement["Resource"]):
            assert set(_listed(statement["Action"])) <= WITHOUT_RESOURCE.keys() | ATTACHING, id


def test_what_attaches_to_a_vpc_is_no_use_to_the_code_that_runs_there(synthesized: Synthesized) -> None:
    resources = dict(_resources(synthesized))
    for id, statement in _statements_of_roles(synthesized):
        if ATTACHING.isdisjoint(_listed(statement["Action"])):
            continue
        [trust] = resources[id]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"]["Service"] == "lambda.amazonaws.com":
            assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "true"}}, id
        else:
            assert trust["Principal"]["Service"] == "sagemaker.amazonaws.com", id
    for id, resource in resources.items():
        if resource["Type"] == "AWS::SageMaker::Model" and "VpcConfig" in resource["Properties"]:
            assert resource["Properties"]["EnableNetworkIsolation"] is True, id


def test_metrics_are_held_to_namespaces_and_grants_of_keys_to_aws(synthesized: Synthesized) -> None:
    for id, statement in _statements_of_roles(synthesized):
        actions, conditions = _listed(statement["Action"]), statement.get("Condition", {})
        if "cloudwatch:PutMetricData" in actions:
            assert conditions["StringEquals"]["cloudwatch:namespace"], id
        if "kms:CreateGrant" in actions:
            assert conditions == {"Bool": {"kms:GrantIsForAWSResource": "true"}}, id
        if "iam:PassRole" in actions:
            assert conditions["StringEquals"]["iam:PassedToService"], id


def test_no_role_has_a_policy_that_is_not_its_own_and_each_is_for_one_service(
    synthesized: Synthesized,
) -> None:
    for id, resource in _resources(synthesized):
        if resource["Type"] == "AWS::IAM::Role":
            assert "ManagedPolicyArns" not in resource["Properties"], id
            [trust] = resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            assert list(trust["Principal"]) == ["Service"], id
            assert isinstance(trust["Principal"]["Service"], str), id


def test_nobody_but_named_services_is_let_in_by_a_resource(synthesized: Synthesized) -> None:
    for id, resource in _resources(synthesized):
        # A VPC endpoint's lets nobody in: it bounds what passes (test_network.py).
        if resource["Type"] == "AWS::EC2::VPCEndpoint":
            continue
        for statement in _every_statement(resource):
            if statement["Effect"] != "Allow" or "Principal" not in statement:
                continue
            if "AssumeRole" in str(statement["Action"]):
                continue
            principal = statement["Principal"]
            assert principal != "*", id
            if "Service" in principal:
                # Not for anybody else's sake (IAM user guide, "The confused deputy problem").
                keys = {key.lower() for one in statement.get("Condition", {}).values() for key in one}
                assert keys & {"aws:sourcearn", "kms:encryptioncontext:aws:logs:arn"}, id
            else:
                assert ":root" in str(principal["AWS"]), id


# What credentials look like, and what they are called.
_CREDENTIALS = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\{\{resolve:(secretsmanager|ssm-secure)"
    r"|X-Amz-(Signature|Security-Token)=|eyJ[A-Za-z0-9_-]{20,}\.eyJ"
)
_NAMES = re.compile(r"secret|passw|credential|api_?key|(^|_)token", re.IGNORECASE)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)


def test_no_template_holds_a_credential(synthesized: Synthesized) -> None:
    for stack in synthesized.stacks:
        template = synthesized.template(stack)
        assert [text for text in _texts(template) if _CREDENTIALS.search(text)] == []
        for name, parameter in template.get("Parameters", {}).items():
            assert not parameter.get("NoEcho"), name
            assert not _NAMES.search(name)


def test_the_api_keys_value_is_made_by_aws_and_stands_in_no_template(synthesized: Synthesized) -> None:
    for id, resource in _resources(synthesized):
        if resource["Type"] == "AWS::ApiGateway::ApiKey":
            assert "Value" not in resource["Properties"], id
    for stack in synthesized.stacks:
        for name, output in synthesized.template(stack).get("Outputs", {}).items():
            # The key's id is no secret: its value takes a permission to read.
            assert name == "ApiKeyId" or not _NAMES.search(name)
            assert "resolve:" not in str(output)


def test_no_function_is_told_a_secret_by_its_environment(synthesized: Synthesized) -> None:
    functions = [one for _, one in _resources(synthesized) if one["Type"] == "AWS::Lambda::Function"]
    assert functions
    for function in functions:
        variables = function["Properties"].get("Environment", {}).get("Variables", {})
        assert [name for name in variables if _NAMES.search(name)] == []
        assert [text for text in _texts(variables) if _CREDENTIALS.search(text)] == []


@pytest.mark.parametrize(
    "text", ["AKIAIOSFODNN7EXAMPLE", "-----BEGIN RSA PRIVATE KEY-----", "{{resolve:secretsmanager:x}}"]
)
def test_a_credential_would_be_found(text: str) -> None:
    assert _CREDENTIALS.search(f"x {text} y")
