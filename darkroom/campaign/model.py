"""What a campaign file may say. Every field has a default but name, environment and model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from darkroom.campaign.access import Api
from darkroom.campaign.fields import (
    Account,
    ActionName,
    CampaignName,
    ContainerImage,
    Duration,
    Email,
    Region,
    SourcePrefix,
    TagKey,
    TagValue,
    TimeZone,
)
from darkroom.campaign.moderation import Moderation
from darkroom.campaign.schedule_expression import At, Cron, Rate
from darkroom.campaign.section import Section

MINUTE, HOUR, DAY = 60, 3600, 86400

Mode = Literal["async", "realtime"]
ScalingMetric = Literal["backlog-aware", "published", "invocations-per-instance"]

InstanceType = Literal["ml.inf2.xlarge", "ml.inf2.8xlarge", "ml.inf2.24xlarge", "ml.inf2.48xlarge"]

# A container's model server reads one layout of a bundle: the adapter in its manifest.
Container = Literal["huggingface", "djl"]
ADAPTER: dict[Container, str] = {"huggingface": "sagemaker", "djl": "djl"}

# Inferentia2 chips an instance type has; a chip has two NeuronCores (Amazon EC2 Inf2 instances).
CHIPS: dict[InstanceType, int] = {
    "ml.inf2.xlarge": 1,
    "ml.inf2.8xlarge": 1,
    "ml.inf2.24xlarge": 6,
    "ml.inf2.48xlarge": 12,
}
CORES_PER_CHIP = 2

# Training jobs: a processing job runs on no Neuron instance (SageMaker API, ProcessingInstanceType). SDXL's
# parts were reported to need 35 GB (aws-neuron-sdk issues): 64 GiB and more, but for the small recipes.
CompileInstance = Literal[
    "ml.m5.xlarge",
    "ml.m5.2xlarge",
    "ml.m5.4xlarge",
    "ml.m5.12xlarge",
    "ml.r5.2xlarge",
    "ml.r5.4xlarge",
    "ml.r5.8xlarge",
    "ml.r7i.4xlarge",
    "ml.r7i.8xlarge",
    "ml.trn1.2xlarge",
    "ml.trn1.32xlarge",
]
FineTuneInstance = Literal[
    "ml.m5.xlarge",
    "ml.m5.4xlarge",
    "ml.g5.xlarge",
    "ml.g5.2xlarge",
    "ml.g5.4xlarge",
    "ml.g6.xlarge",
    "ml.g6.2xlarge",
    "ml.g6.4xlarge",
    "ml.g6e.2xlarge",
    "ml.g6e.4xlarge",
]


class Environment(Section):
    """The AWS account and region that the campaign is deployed to."""

    account: Account
    """The account id, 12 digits in quotes."""
    region: Region
    """The region. Inferentia2 for SageMaker is not in every one: look at its quota for the instance type."""


class Model(Section):
    """What draws the pictures, and what a request gets that asks for nothing special."""

    recipe: str
    """A model family: the name of a file in model_artifacts/recipes/."""
    bundle: str | None = None
    """A bundle built into .build/bundles/, by name, or the s3://bucket/prefix/ of one that is in S3. With a
    build section it is served until the first build, and may be left out: that build brings the endpoint."""
    width: Annotated[int, Field(gt=0)] | None = None
    """Width of a picture whose request names none; with height one of the recipe's sizes."""
    height: Annotated[int, Field(gt=0)] | None = None
    """Height of a picture whose request names none."""
    steps: Annotated[int, Field(gt=0)] | None = None
    """Denoising steps of a request that names none. Default: the recipe's."""
    guidance_scale: Annotated[float, Field(ge=0)] | None = None
    """Guidance scale of a request that names none. Default: the recipe's."""


class Endpoint(Section):
    """The SageMaker endpoint."""

    mode: Mode = "async"
    """How SageMaker is asked: async, through its queue, from zero instances up; realtime, by calls that wait
    for the picture (60 s at most), from one instance up. The API is the same."""
    instance_type: InstanceType = "ml.inf2.xlarge"
    """The Inferentia2 instance type. To change it, destroy the campaign: a scaled endpoint keeps its type."""
    workers_per_instance: Annotated[int, Field(ge=1)] | None = None
    """Worker processes, each with its own NeuronCores. Default: as many as the cores allow."""
    request_time_to_live: Annotated[
        int, Duration(MINUTE, 6 * HOUR, "SageMaker's RequestTTLSeconds is 60 to 21600")
    ] = 6 * HOUR
    """How long a request may wait in the queue before it is dropped."""
    invocation_timeout: Annotated[
        int, Duration(1, HOUR, "SageMaker's InvocationTimeoutSeconds is 1 to 3600")
    ] = 15 * MINUTE
    """How long one picture may take. Default of realtime: 60s, its maximum."""
    volume_size: Annotated[int, Field(ge=1, le=512)] = 128
    """The instance's volume in GB: it holds the bundle and what the container writes."""
    startup_timeout: Annotated[
        int, Duration(MINUTE, HOUR, "SageMaker's ContainerStartupHealthCheckTimeoutInSeconds is 60 to 3600")
    ] = 20 * MINUTE
    """How long a container may take to load and warm up the model."""
    download_timeout: Annotated[
        int, Duration(MINUTE, HOUR, "SageMaker's ModelDataDownloadTimeoutInSeconds is 60 to 3600")
    ] = 20 * MINUTE
    """How long the bundle's download may take."""
    container: Container | None = None
    """The model server: huggingface, SageMaker's Hugging Face container; djl, the Large Model Inference
    container. Default: the one that the bundle is laid out for; huggingface where the bundle is in S3."""
    image: ContainerImage | None = None
    """The container image in ECR, with that model server in it. Default: AWS's own for Neuron."""


class ScheduledAction(Section):
    """A change of the bounds at a time that is known beforehand. It needs one of cron, at and rate."""

    name: ActionName
    """The action's name, once in a campaign."""
    cron: Cron | None = None
    """Six fields: minutes, hours, day of month, month, day of week, year."""
    at: At | None = None
    """Once, at yyyy-mm-ddThh:mm:ss in the time zone."""
    rate: Rate | None = None
    """At intervals, such as 1 hour."""
    time_zone: TimeZone = "UTC"
    """The IANA time zone of cron and at; AWS follows its daylight saving."""
    min_instances: Annotated[int, Field(ge=0)] | None = None
    """The minimum from then on."""
    max_instances: Annotated[int, Field(ge=0)] | None = None
    """The maximum from then on."""

    @property
    def expression(self) -> str:
        """The schedule expression as Application Auto Scaling takes it."""
        kind, value = next((k, v) for k in ("cron", "at", "rate") if (v := getattr(self, k)) is not None)
        return f"{kind}({value})"


class Scaling(Section):
    """How many instances there are, and when."""

    min_instances: Annotated[int, Field(ge=0)] = 0
    """0 lets the bill go to zero when nobody asks. A realtime endpoint has at least 1."""
    max_instances: Annotated[int, Field(ge=1)] = 1
    """The most instances, within the account's quota for the instance type."""
    metric: ScalingMetric = "backlog-aware"
    """What scales: published, target tracking of all requests over capacity; backlog-aware, steps by the
    queue and the new misses, which answer a surge within a minute (docs/scaling.md);
    invocations-per-instance, the one of realtime, and its default."""
    target_utilization: Annotated[float, Field(gt=0, le=1)] = 0.75
    """How busy the instances are to be: what is over it is kept for what nobody foresaw."""
    scale_out_cooldown: Annotated[int, Duration(0, HOUR, "a cooldown")] = MINUTE
    """After a scale-out, only a larger one comes before this is over."""
    scale_in_cooldown: Annotated[int, Duration(0, HOUR, "a cooldown")] = 2 * MINUTE
    """The least time between two scale-ins; better longer than the longest picture."""
    seconds_per_image: Annotated[float, Field(gt=0)] | None = None
    """Seconds that one worker takes for one picture. Default: the recipe's, scaled to the steps."""
    latency_goal: Annotated[int, Duration(1, HOUR, "the longest that a person should wait")] = 10
    """From request to picture. `darkroom plan` counts the requests that waited longer."""
    schedule: tuple[ScheduledAction, ...] = Field(default=(), strict=False)
    """Changes of the bounds at known times."""


class FineTune(Section):
    """The LoRA training job."""

    instance_type: FineTuneInstance = "ml.g5.2xlarge"
    """Where it trains; a CPU will do for the tiny model alone."""
    volume_size: Annotated[int, Field(ge=1, le=16384)] = 100
    """The instance's volume in GB: it holds the source, the pictures and the tuned model."""
    timeout: Annotated[int, Duration(MINUTE, 5 * DAY, "a training job may take 5 days")] = 4 * HOUR
    """How long training may take."""
    image: ContainerImage | None = None
    """The container image in ECR. Default: Hugging Face's PyTorch training container for GPUs."""


class Build(Section):
    """The pipeline that makes the campaign's bundles; what it publishes is served."""

    compiler: Literal["neuron", "cpu"] = "neuron"
    """What the bundle runs on: Inferentia2, or any processor (the tiny recipes, and tests)."""
    instance_type: CompileInstance = "ml.r5.4xlarge"
    """Where it compiles: a CPU host whose memory holds the largest part, or a Neuron instance."""
    volume_size: Annotated[int, Field(ge=1, le=16384)] = 200
    """The instance's volume in GB: it holds the source, what is compiled and the bundle."""
    timeout: Annotated[int, Duration(MINUTE, 5 * DAY, "a training job may take 5 days")] = 4 * HOUR
    """How long compiling may take."""
    sources: tuple[SourcePrefix, ...] = Field(default=(), strict=False)
    """The s3://bucket/prefix/ that builds may read weights and pictures from; others they can't."""
    fine_tune: FineTune | None = None
    """Lets a build fine-tune its source before it compiles. Default: it can't."""
    image: ContainerImage | None = None
    """The container image that compiles. Default: the one that serves, so that both have one SDK."""


class Cache(Section):
    """How long a picture answers for its request."""

    time_to_live: Annotated[
        int, Duration(HOUR, 365 * DAY, "a picture is kept an hour at least, a year at most")
    ] = 7 * DAY
    """The same request within this time is served from the cache."""


class Notifications(Section):
    """Who is told when something needs a person."""

    email: tuple[Email, ...] = Field(default=(), strict=False)
    """SNS asks each address once to confirm."""


Percentage = Annotated[float, Field(gt=0, le=1000)]


class Budget(Section):
    """What the campaign may cost a month, and who hears of it before it does."""

    monthly: Annotated[float, Field(gt=0)]
    """US dollars a calendar month, of everything tagged with the campaign."""
    alerts: Annotated[tuple[Percentage, ...], Field(min_length=1, max_length=5)] = Field(
        default=(50, 80, 100), strict=False
    )
    """Percentages of it at which notifications.email is told; also when the forecast is over it."""


class Campaign(Section):
    """One deployment's parameters, as its file says them."""

    name: CampaignName
    """The campaign's name, and the beginning of every name that AWS shows."""
    environment: Environment
    model: Model
    endpoint: Endpoint = Endpoint()
    scaling: Scaling = Scaling()
    cache: Cache = Cache()
    notifications: Notifications = Notifications()
    api: Api = Api()
    build: Build | None = None
    """Default: no pipeline, and the model's bundle is served."""
    retention: Literal["delete", "keep"] = "delete"
    """What cdk destroy does with the pictures, the job table and the key."""
    network: Literal["public", "isolated"] = "public"
    """isolated: functions and model run in private subnets with VPC endpoints and no way to the internet."""
    moderation: Moderation | None = None
    """Default: every prompt that can be drawn is drawn."""
    budget: Budget | None = None
    """Default: no budget."""
    tags: dict[TagKey, TagValue] = Field(default={})
    """Tags on every resource, beside darkroom:campaign."""
