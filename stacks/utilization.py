"""The metric math of utilization: what target tracking holds, the alarms watch and the dashboard draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from darkroom.campaign import ResolvedCampaign

SERVICE = "ImageGenerator"
NAMESPACE = "ImageGenAPI"
ENDPOINT_NAMESPACE = "AWS/SageMaker"
HOST_NAMESPACE = "/aws/sagemaker/Endpoints"

NEUTRAL_SHARE = 0.95
"""A utilization of this share of the target scales neither way: target tracking's alarms are at the target
and at 0.9 of it."""

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


def utilization(campaign: ResolvedCampaign, *, variant: str) -> Utilization:
    """Demand over capacity, in the form that the campaign chose.

    Capacity, in pictures a minute, is instances x workers x 60 / seconds per picture. Instances are
    counted by the sample count of a host metric, which every instance publishes once a minute; there
    are no samples at zero instances, so utilization has no value then, and target tracking holds still.

    published: demand is the requests of the last minute, as in the published system.
    backlog-aware: demand is what waits or is being drawn, and the new misses of the last minute. While
    requests wait for the first instance the value is one that neither scales out nor in: target
    tracking's low alarm, still on from the quiet minutes before, would take the instance in that the step
    policy has just ordered and that is minutes from its first sample.
    """
    endpoint = (("EndpointName", campaign.name),)
    instances = MetricQuery(
        "instances",
        HOST_NAMESPACE,
        "CPUUtilization",
        "SampleCount",
        (*endpoint, ("VariantName", variant)),
        "Instances",
    )
    workers, seconds = campaign.workers_per_instance, campaign.seconds_per_image
    capacity = Expression(
        "capacity", f"(instances * 60) / {seconds:.6g} * {workers}", "Capacity (pictures a minute)"
    )
    ours = campaign_dimensions(campaign.name)
    if campaign.file.scaling.metric == "published":
        demand = MetricQuery(
            "demand", NAMESPACE, "NumberOfInferenceRequests", "SampleCount", ours, "Inference requests"
        )
        ratio = Expression("utilization", "IF(instances > 0, demand / capacity, 0)", "Utilization")
        return Utilization([instances, demand], [capacity, ratio])
    backlog = MetricQuery(
        "backlog", ENDPOINT_NAMESPACE, "ApproximateBacklogSize", "Average", endpoint, "Backlog"
    )
    misses = MetricQuery("misses", NAMESPACE, "CacheMisses", "Sum", ours, "Cache misses")
    # 1 while requests wait and no instance runs, 0 otherwise: told apart from host metrics that are late.
    starting = MetricQuery(
        "starting",
        ENDPOINT_NAMESPACE,
        "HasBacklogWithoutCapacity",
        "Average",
        endpoint,
        "Waiting for the first",
    )
    demand_sum = Expression("demand", "backlog + misses", "Pictures to draw")
    neutral = NEUTRAL_SHARE * campaign.file.scaling.target_utilization
    ratio = Expression(
        "utilization", f"IF(FILL(starting, 0) > 0, {neutral:.6g}, demand / capacity)", "Utilization"
    )
    return Utilization([instances, backlog, misses, starting], [demand_sum, capacity, ratio])
