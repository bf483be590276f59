"""An endpoint configuration as the sandbox runs it: what CreateModel and CreateEndpointConfig asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# "Your container has 4 minutes to pass the health check", unless the variant gives a time-out:
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
DEFAULT_STARTUP_SECONDS = 240

_UNPLAYED_CONFIG = frozenset({"ShadowProductionVariants", "DataCaptureConfig", "ExplainerConfig"})
_UNPLAYED_VARIANT = frozenset({"ServerlessConfig", "InstancePools", "ManagedInstanceScaling"})


class UnplayedError(Exception):
    """AWS can do this, the sandbox can't; it says so instead of pretending."""


@dataclass(frozen=True)
class ModelSource:
    """Where a model's files are.

    Attributes:
        uri: an S3 prefix (``compressed`` False) or a .tar.gz object (True).
    """

    uri: str
    compressed: bool


@dataclass(frozen=True)
class Model:
    """A model as CreateModel made it.

    Attributes:
        image: the container image that serves it; empty for a model package's.
        role: the ARN of the role that it runs in.
        vpc: its VpcConfig, empty without one.
        isolated: EnableNetworkIsolation, the container can make no connection.
    """

    name: str
    source: ModelSource
    environment: Mapping[str, str]
    image: str
    role: str
    vpc: Mapping[str, Any] = field(default_factory=dict)
    isolated: bool = False


@dataclass(frozen=True)
class Variant:
    """The one production variant of an endpoint.

    Attributes:
        routing: RoutingStrategy, how a realtime endpoint chooses an instance; RANDOM by default.
        startup_seconds: ContainerStartupHealthCheckTimeoutInSeconds. Loading a model is real work,
            so the sandbox measures it in wall seconds.
        max_concurrent: requests in flight an instance; None is one a worker.
    """

    name: str
    model_name: str
    instance_type: str
    initial_count: int
    weight: float
    startup_seconds: float
    max_concurrent: int | None
    routing: str = "RANDOM"


@dataclass(frozen=True)
class AsyncOutput:
    """Where results, failures and notifications go."""

    output_path: str
    failure_path: str | None
    kms_key_id: str | None
    success_topic: str | None
    error_topic: str | None

    @property
    def topics(self) -> list[str]:
        """The topics there are, each once."""
        return sorted({topic for topic in (self.success_topic, self.error_topic) if topic})


@dataclass(frozen=True)
class EndpointConfig:
    """What an endpoint runs; a realtime one has no ``output``.

    Attributes:
        kms_key_id: what the instances' volumes are encrypted with; None for a key of AWS's.
    """

    name: str
    variant: Variant
    output: AsyncOutput | None
    kms_key_id: str | None = None


def model_from(request: Mapping[str, Any]) -> Model:
    """The model of a CreateModel request.

    Raises:
        UnplayedError: an inference pipeline, or a model with no data.
    """
    if request.get("Containers"):
        raise UnplayedError("inference pipelines (Containers): give one PrimaryContainer")
    container = request.get("PrimaryContainer") or {}
    environment = container.get("Environment") or {}
    return Model(
        request["ModelName"],
        _source_from(container),
        environment,
        container.get("Image") or "",
        request.get("ExecutionRoleArn") or "",
        request.get("VpcConfig") or {},
        bool(request.get("EnableNetworkIsolation")),
    )


def _source_from(container: Mapping[str, Any]) -> ModelSource:
    if url := container.get("ModelDataUrl"):
        return ModelSource(url, compressed=True)
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if not source:
        raise UnplayedError(
            "a model without data: give PrimaryContainer.ModelDataSource.S3DataSource or ModelDataUrl"
        )
    return ModelSource(source["S3Uri"], compressed=source["CompressionType"] == "Gzip")


def endpoint_config_from(request: Mapping[str, Any]) -> EndpointConfig:
    """The endpoint configuration of a CreateEndpointConfig request.

    Raises:
        UnplayedError: what the sandbox does not run, by name.
    """
    _refuse_unplayed(request)
    variant, asynchronous = request["ProductionVariants"][0], request.get("AsyncInferenceConfig") or {}
    client, output = asynchronous.get("ClientConfig") or {}, asynchronous.get("OutputConfig")
    return EndpointConfig(
        name=request["EndpointConfigName"],
        variant=Variant(
            name=variant["VariantName"],
            model_name=variant["ModelName"],
            instance_type=variant["InstanceType"],
            initial_count=variant["InitialInstanceCount"],
            weight=variant.get("InitialVariantWeight", 1.0),
            startup_seconds=variant.get(
                "ContainerStartupHealthCheckTimeoutInSeconds", DEFAULT_STARTUP_SECONDS
            ),
            max_concurrent=client.get("MaxConcurrentInvocationsPerInstance"),
            routing=(variant.get("RoutingConfig") or {}).get("RoutingStrategy", "RANDOM"),
        ),
        output=None if output is None else _output_from(output),
        kms_key_id=request.get("KmsKeyId"),
    )


def _output_from(output: Mapping[str, Any]) -> AsyncOutput:
    topics = output.get("NotificationConfig") or {}
    return AsyncOutput(
        output_path=output["S3OutputPath"].rstrip("/"),
        failure_path=(output.get("S3FailurePath") or "").rstrip("/") or None,
        kms_key_id=output.get("KmsKeyId"),
        success_topic=topics.get("SuccessTopic"),
        error_topic=topics.get("ErrorTopic"),
    )


def _refuse_unplayed(request: Mapping[str, Any]) -> None:
    for name in sorted(_UNPLAYED_CONFIG & _given(request)):
        raise UnplayedError(f"{name} of an endpoint configuration")
    if len(request["ProductionVariants"]) > 1:
        raise UnplayedError("more than one production variant")
    variant = request["ProductionVariants"][0]
    for name in sorted(_UNPLAYED_VARIANT & _given(variant)):
        raise UnplayedError(f"{name} of a production variant")
    for name in ("ModelName", "InstanceType", "InitialInstanceCount"):
        if variant.get(name) is None:
            raise UnplayedError(f"a production variant without {name}")
    if request.get("AsyncInferenceConfig"):
        output = request["AsyncInferenceConfig"]["OutputConfig"]
        if not output.get("S3OutputPath"):
            raise UnplayedError("an OutputConfig without S3OutputPath")
        if (output.get("NotificationConfig") or {}).get("IncludeInferenceResponseIn"):
            raise UnplayedError("IncludeInferenceResponseIn: read the response from its output location")
    if (request.get("MetricsConfig") or {}).get("MetricPublishFrequencyInSeconds", 60) != 60:
        raise UnplayedError("a MetricPublishFrequencyInSeconds other than 60")


def _given(request: Mapping[str, Any]) -> set[str]:
    return {name for name, value in request.items() if value}
