"""The container that serves the model, and what may pull it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import region_info

from darkroom.campaign import CampaignError, Problem, ResolvedCampaign
from darkroom.campaign.fields import IMAGE
from darkroom.campaign.problem import MISSING, FieldPath
from stacks.permissions import allow

# SDK 2.26 to 2.29 is what the driver of the Neuron inference AMI (2.19) serves
# (awslabs/llm-hosting-container pull 156). diffusers is inside.
REPOSITORY = "huggingface-pytorch-inference-neuronx"
TAG = "2.8.0-transformers4.55.4-neuronx-py310-sdk2.26.0-ubuntu22.04"


@dataclass(frozen=True)
class ContainerImage:
    """An image in ECR: its URI as SageMaker takes it, and the ARN of its repository."""

    uri: str
    repository_arn: str

    def pulling(self) -> list[iam.PolicyStatement]:
        """What a role needs to pull it; GetAuthorizationToken takes no resource."""
        return [
            allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                [self.repository_arn],
            ),
            allow(["ecr:GetAuthorizationToken"], ["*"]),
        ]


def container_image(stack: cdk.Stack, campaign: ResolvedCampaign) -> ContainerImage:
    """The campaign's own image, or AWS's inference container for Neuron in the campaign's region.

    Raises:
        CampaignError: AWS publishes its containers in no account that CDK knows for this region.
    """
    own = campaign.file.endpoint.image
    if own is not None:
        return own_container(stack, own)
    return aws_container(stack, campaign, REPOSITORY, TAG, field=("endpoint", "image"))


def own_container(stack: cdk.Stack, uri: str) -> ContainerImage:
    """An image that a campaign file names.

    Raises:
        ValueError: it is not in ECR; loading the campaign saw to that.
    """
    given = re.fullmatch(IMAGE, uri)
    if given is None:
        raise ValueError(f"{uri} is no image in ECR")
    return _image(stack, uri, given["account"], given["region"], given["repository"])


def aws_container(
    stack: cdk.Stack, campaign: ResolvedCampaign, repository: str, tag: str, *, field: FieldPath
) -> ContainerImage:
    """One of AWS's containers in the campaign's region; ``field`` is where a campaign names another.

    Raises:
        CampaignError: AWS publishes its containers in no account that CDK knows for this region.
    """
    region = campaign.file.environment.region
    account = region_info.RegionInfo.get(region).dlc_repository_account
    if account is None:
        rule = f"CDK knows no account with AWS's containers in {region} ({campaign.name})"
        raise CampaignError([Problem(field, MISSING, rule, "an image in ECR of your own")])
    uri = f"{account}.dkr.ecr.{region}.{stack.url_suffix}/{repository}:{tag}"
    return _image(stack, uri, account, region, repository)


def _image(stack: cdk.Stack, uri: str, account: str, region: str, repository: str) -> ContainerImage:
    return ContainerImage(uri, f"arn:{stack.partition}:ecr:{region}:{account}:repository/{repository}")
