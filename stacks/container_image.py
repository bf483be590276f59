"""The container that serves the model, and what may pull it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import region_info

from darkroom.campaign import CampaignError, Problem, ResolvedCampaign
from darkroom.campaign.fields import IMAGE
from darkroom.campaign.model import Container
from darkroom.campaign.problem import MISSING, FieldPath
from stacks.permissions import allow

# Repository and tag; diffusers is inside.
IMAGES: dict[Container, tuple[str, str]] = {
    # SDK 2.26 to 2.29 is what the driver of the Neuron inference AMI (2.19) serves
    # (awslabs/llm-hosting-container pull 156).
    "huggingface": (
        "huggingface-pytorch-inference-neuronx",
        "2.8.0-transformers4.55.4-neuronx-py310-sdk2.26.0-ubuntu22.04",
    ),
    # The last Large Model Inference container for Neuron. A bundle compiled with a newer SDK is refused when
    # it is loaded (serving/versions.py).
    "djl": ("djl-inference", "0.30.0-neuronx-sdk2.20.1"),
}


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
    repository, tag = IMAGES[campaign.container]
    return aws_container(stack, campaign, repository, tag, field=("endpoint", "image"))


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


def container_environment(campaign: ResolvedCampaign) -> dict[str, str]:
    """What the container's model server is told: workers, their cores, time-outs."""
    endpoint, cores = campaign.file.endpoint, campaign.recipe.neuron_cores_per_worker
    if campaign.container == "djl":
        # One worker on each device, which is the first of its cores; serving.properties says how many follow
        # (deepjavalibrary/djl-serving 0.30.0, ModelInfo.getLoadOnDevices, Connection.getNeuronVisibleCores).
        devices = [f"nc{worker * cores}" for worker in range(campaign.workers_per_instance)]
        return {
            "SERVING_LOAD_ON_DEVICES": ";".join(devices),
            "MODEL_LOADING_TIMEOUT": str(endpoint.startup_timeout),
            "PREDICT_TIMEOUT": str(endpoint.invocation_timeout),
        }
    # After so long without an answer the model server restarts a worker, the answer to loading the model
    # included. Multi Model Server takes the older variable for minutes, TorchServe for seconds
    # (awslabs/multi-model-server, ConfigManager.getDefaultResponseTimeoutSeconds and WorkerThread).
    timeout = str(max(endpoint.startup_timeout, endpoint.invocation_timeout))
    return {
        "SAGEMAKER_PROGRAM": "inference.py",
        # The toolkit starts one worker a core by default, which breaks pipelines on two cores.
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(campaign.workers_per_instance),
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": timeout,
        "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": timeout,
        # A core belongs to one process.
        "NEURON_RT_NUM_CORES": str(cores),
    }
