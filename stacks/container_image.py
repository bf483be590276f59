"""The container that serves the model, and what may pull it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import region_info

from darkroom.campaign import CampaignError, Problem, ResolvedCampaign
from darkroom.campaign.fields import IMAGE
from darkroom.campaign.problem import MISSING
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
    given = re.fullmatch(IMAGE, campaign.file.endpoint.image or "")
    if given is not None:
        uri = given.string
        account, region, repository = given["account"], given["region"], given["repository"]
    else:
        region, repository = campaign.file.environment.region, REPOSITORY
        known = region_info.RegionInfo.get(region).dlc_repository_account
        if known is None:
            rule = f"CDK knows no account with AWS's inference containers in {region} ({campaign.name})"
            raise CampaignError(
                [Problem(("endpoint", "image"), MISSING, rule, "an image in ECR of your own")]
            )
        account = known
        uri = f"{account}.dkr.ecr.{region}.{stack.url_suffix}/{repository}:{TAG}"
    return ContainerImage(uri, f"arn:{stack.partition}:ecr:{region}:{account}:repository/{repository}")
