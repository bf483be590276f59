"""What may pass through the VPC's endpoints, and what a role needs to be attached to the VPC.

An endpoint's policy bounds what credentials of any kind can do through it: a function that was made to run
somebody else's code can't bring pictures to somebody else's bucket, whatever keys it was handed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from darkroom.campaign import RemoteBundle, ResolvedCampaign
from stacks.permissions import allow, arn

Policy = dict[str, Any]

READING = ["s3:GetObject", "s3:ListBucket"]
WRITING = ["s3:PutObject"]
# SageMaker's, for what it uploads in parts: a later answer, a build. Functions write whole objects.
GIVING_UP = ["s3:AbortMultipartUpload"]
# What empties the buckets when the campaign is destroyed.
EMPTYING = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"]


@dataclass(frozen=True)
class Service:
    """A service that functions call through an interface endpoint."""

    id: str
    name: str
    policy: Policy


def interface_services(stack: cdk.Stack, campaign: ResolvedCampaign) -> list[Service]:
    """Those that the campaign's functions call and that have no gateway endpoint."""
    endpoint = arn(stack, "sagemaker", f"endpoint/{campaign.name}")
    is_realtime = campaign.file.endpoint.mode == "realtime"
    drawing = "sagemaker:InvokeEndpoint" if is_realtime else "sagemaker:InvokeEndpointAsync"
    services = ec2.InterfaceVpcEndpointAwsService
    found = [
        Service(
            "SageMakerRuntime",
            services.SAGEMAKER_RUNTIME.name,
            _within_account(stack, [drawing], [endpoint]),
        )
    ]
    if is_realtime:
        # Lambda polls the queue itself; the functions send to it and put notes back.
        actions = ["sqs:ChangeMessageVisibility", "sqs:SendMessage"]
        queues = [arn(stack, "sqs", f"{campaign.name}-*")]
        found.append(Service("Sqs", services.SQS.name, _within_account(stack, actions, queues)))
    moderation = campaign.file.moderation
    if moderation is not None and moderation.guardrail is not None:
        guardrail = arn(stack, "bedrock", f"guardrail/{moderation.guardrail.id}")
        policy = _within_account(stack, ["bedrock:ApplyGuardrail"], [guardrail])
        found.append(Service("BedrockRuntime", services.BEDROCK_RUNTIME.name, policy))
    if moderation is not None and moderation.pictures is not None:
        policy = _within_account(stack, ["rekognition:DetectModerationLabels"], ["*"])
        found.append(Service("Rekognition", services.REKOGNITION.name, policy))
    return found


def s3_policy(stack: cdk.Stack, campaign: ResolvedCampaign) -> Policy:
    """The account's own buckets, the places that the campaign names, and CloudFormation's for answers.

    The account's buckets are not named one by one: the function that empties them is attached to this
    network, so it is made after the endpoint and before them.
    """
    own = {"StringEquals": {**_caller(stack), "aws:ResourceAccount": stack.account}}
    uploads = campaign.file.endpoint.mode == "async" or campaign.file.build is not None
    actions = [*READING, *(GIVING_UP if uploads else []), *WRITING, *EMPTYING]
    statements = [_anyone(actions, [f"arn:{stack.partition}:s3:::*"], own)]
    named = _named_places(campaign)
    if named:
        places = [f"arn:{stack.partition}:s3:::{bucket}/{prefix}*" for bucket, prefix in named]
        buckets = sorted({f"arn:{stack.partition}:s3:::{bucket}" for bucket, _ in named})
        statements.append(_anyone(READING, [*buckets, *places], {"StringEquals": _caller(stack)}))
    # A custom resource answers to a URL that CloudFormation signed, of a bucket of CloudFormation's. In that
    # bucket's name the region has no dashes (CloudFormation user guide, "Setting up VPC endpoints").
    region = str(campaign.file.environment.region).replace("-", "")
    answers = f"arn:{stack.partition}:s3:::cloudformation-custom-resource-response-{region}/*"
    return _document([*statements, _anyone(["s3:PutObject"], [answers], None)])


def dynamodb_policy(stack: cdk.Stack, jobs: dynamodb.ITable) -> Policy:
    """The job table."""
    actions = [f"dynamodb:{verb}" for verb in ("GetItem", "PutItem", "Query", "UpdateItem")]
    return _within_account(stack, actions, [jobs.table_arn, f"{jobs.table_arn}/index/*"])


def attaching_function() -> iam.PolicyStatement:
    """What Lambda needs of a function's role to attach it to subnets, and the function's code can't use.

    Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC", names the actions;
    the describing ones take no resource, the interfaces have no ids before they are made. A call of the
    function's own code carries lambda:SourceFunctionArn, and Lambda's own don't.
    """
    actions = (
        "AssignPrivateIpAddresses",
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "UnassignPrivateIpAddresses",
    )
    return allow(
        [f"ec2:{action}" for action in actions], ["*"], {"Null": {"lambda:SourceFunctionArn": "true"}}
    )


def attaching_container() -> iam.PolicyStatement:
    """What SageMaker needs of a model's or a job's role to attach its instances to subnets.

    SageMaker developer guide, "SageMaker AI execution roles", CreateModel and CreateTrainingJob with a VPC,
    with * for the resource: the describing actions need it, and interfaces have no ids before they are made.
    A model's container is in network isolation and gets no credentials of the role; a job's has them.
    """
    actions = (
        "CreateNetworkInterface",
        "CreateNetworkInterfacePermission",
        "DeleteNetworkInterface",
        "DeleteNetworkInterfacePermission",
        "DescribeDhcpOptions",
        "DescribeNetworkInterfaces",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeVpcs",
    )
    return allow([f"ec2:{action}" for action in actions], ["*"])


def _named_places(campaign: ResolvedCampaign) -> list[tuple[str, str]]:
    """Buckets and prefixes that the campaign's file names: they may be another account's."""
    places = []
    if isinstance(campaign.bundle, RemoteBundle):
        places.append((campaign.bundle.bucket, campaign.bundle.prefix))
    for source in campaign.file.build.sources if campaign.file.build else ():
        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        places.append((bucket, prefix))
    return places


def _caller(stack: cdk.Stack) -> dict[str, str]:
    return {"aws:PrincipalAccount": stack.account}


def _within_account(stack: cdk.Stack, actions: Sequence[str], resources: Sequence[str]) -> Policy:
    return _document([_anyone(actions, resources, {"StringEquals": _caller(stack)})])


def _anyone(
    actions: Sequence[str], resources: Sequence[str], conditions: Mapping[str, Any] | None
) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": list(actions),
        "Resource": list(resources),
    }
    return {**statement, **({"Condition": dict(conditions)} if conditions else {})}


def _document(statements: Sequence[Mapping[str, Any]]) -> Policy:
    return {"Version": "2012-10-17", "Statement": [dict(one) for one in statements]}
