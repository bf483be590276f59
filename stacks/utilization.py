"""The metric math of utilization: what target tracking holds, the alarms watch and the dashboard draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from darkroom.campaign import ResolvedCampaign

SERVICE = "ImageGenerator"
NAMESPACE = "ImageGenAPI"
ENDPOINT_NAMESPACE = "AWS/SageMaker"
HOST_NAMESPACE = "/aws/sagemaker/Endpoints"

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MetricQuery:
    """One statistic of one metric over a minute, under the id that expressions call it by."""

    id: str
    namespace: str
    name: str
    statistic: str
    dimensions: Dimensions
    label: str


@dataclass(frozen=True)
class Expression:
    """Metric math over other queries."""

    id: str
    expression: str
    label: str


@dataclass(frozen=True)
class Utilization:
    """The queries and expressions that end in the utilization, whose id is ``utilization``."""

    metrics: Sequence[MetricQuery]
    expressions: Sequence[Expression]


def campaign_dimensions(campaign: str) -> Dimensions:
    """The dimensions of the front-end's metrics: CloudWatch finds a metric only by all of them."""
    return (("service", SERVICE), ("campaign", campaign))


def instances_query(campaign: ResolvedCampaign, variant: str) -> MetricQuery:
    """Instances in service, by the sample count of a host metric that each publishes once a minute."""
    dimensions = (("EndpointName", campaign.name), ("VariantName", variant))
    return MetricQuery("instances", HOST_NAMESPACE, "CPUUtilization", "SampleCount", dimensions, "Instances")


def backlog_query(campaign: ResolvedCampaign) -> MetricQuery:
    """Jobs that wait or are being drawn."""
    dimensions = (("EndpointName", campaign.name),)
    return MetricQuery(
        "backlog", ENDPOINT_NAMESPACE, "ApproximateBacklogSize", "Average", dimensions, "Backlog"
    )


def misses_query(campaign: ResolvedCampaign) -> MetricQuery:
    """Requests that have to be drawn: no hits, and a picture under way counts once."""
    dimensions = campaign_dimensions(campaign.name)
    return MetricQuery("misses", NAMESPACE, "CacheMisses", "Sum", dimensions, "Cache misses")


def invocations_query(campaign: ResolvedCampaign, variant: str) -> MetricQuery:
    """Invocations a minute and instance: each counts 1 / instances (SageMaker developer guide, "Amazon
    SageMaker AI metrics in Amazon CloudWatch"). It is what SageMakerVariantInvocationsPerInstance tracks."""
    dimensions = (("EndpointName", campaign.name), ("VariantName", variant))
    return MetricQuery(
        "invocations", ENDPOINT_NAMESPACE, "InvocationsPerInstance", "Sum", dimensions, "Invocations"
    )


def invocations_target(campaign: ResolvedCampaign) -> float:
    """Invocations a minute that an instance is held at: the share of what its workers can draw.

    Workers x 60 / seconds per picture is an instance that is never idle, and target_utilization of it is
    planned with, as in the other policies.
    """
    drawn = campaign.workers_per_instance * 60 / campaign.seconds_per_image
    return float(f"{drawn * campaign.file.scaling.target_utilization:.6g}")


def utilization(campaign: ResolvedCampaign, *, variant: str) -> Utilization:
    """Demand over capacity, in the form that the campaign chose.

    Capacity, in pictures a minute, is instances x workers x 60 / seconds per picture. There are no samples
    of instances at zero, so utilization has no value then, and target tracking holds still.

    published: demand is the requests of the last minute, as in the published system.
    backlog-aware: demand is what waits or is being drawn, and the new misses of the last minute.
    """
    instances = instances_query(campaign, variant)
    workers, seconds = campaign.workers_per_instance, campaign.seconds_per_image
    capacity = Expression(
        "capacity", f"(instances * 60) / {seconds:.6g} * {workers}", "Capacity (pictures a minute)"
    )
    if campaign.file.scaling.metric == "published":
        ours = campaign_dimensions(campaign.name)
        demand = MetricQuery(
            "demand", NAMESPACE, "NumberOfInferenceRequests", "SampleCount", ours, "Inference requests"
        )
        ratio = Expression("utilization", "IF(instances > 0, demand / capacity, 0)", "Utilization")
        return Utilization([instances, demand], [capacity, ratio])
    demand_sum = Expression("demand", "backlog + misses", "Pictures to draw")
    ratio = Expression("utilization", "demand / capacity", "Utilization")
    return Utilization(
        [instances, backlog_query(campaign), misses_query(campaign)], [demand_sum, capacity, ratio]
    )
