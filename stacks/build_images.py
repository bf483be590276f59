"""The containers of a build's jobs."""

from __future__ import annotations

import aws_cdk as cdk

from darkroom.campaign import ResolvedCampaign
from stacks.container_image import ContainerImage, aws_container, container_image, own_container

# https://github.com/aws/deep-learning-containers/releases/tag/v1.0-hf-5.3.0-pt-2.9.0-tr-gpu-py312
# What it lacks (diffusers, peft) the job installs.
TRAINING_REPOSITORY = "huggingface-pytorch-training"
TRAINING_TAG = "2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04"


def compiling_image(stack: cdk.Stack, campaign: ResolvedCampaign) -> ContainerImage:
    """The build's own image, or the one that serves: a bundle runs on the SDK that it was compiled with."""
    build = campaign.file.build
    own = build.image if build else None
    return own_container(stack, own) if own else container_image(stack, campaign)


def training_image(stack: cdk.Stack, campaign: ResolvedCampaign) -> ContainerImage:
    """Fine-tuning's own image, or AWS's training container for GPUs.

    Raises:
        CampaignError: AWS publishes its containers in no account that CDK knows for this region.
    """
    build = campaign.file.build
    own = build.fine_tune.image if build and build.fine_tune else None
    if own:
        return own_container(stack, own)
    return aws_container(
        stack, campaign, TRAINING_REPOSITORY, TRAINING_TAG, field=("build", "fine_tune", "image")
    )
