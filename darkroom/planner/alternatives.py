"""The policies that a plan lays side by side, each as the scalable target it would deploy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from darkroom.autoscaling.metric_query import MetricQuery, MetricStat
from darkroom.autoscaling.policies import CapacityLimits, TargetTrackingPolicy
from darkroom.autoscaling.template import PolicyResource, ScalableTargetResource
from darkroom.campaign import ResolvedCampaign
from darkroom.planner.metric_feed import ENDPOINT, MINUTE
from darkroom.planner.synthesis import synthesize, with_scaling


@dataclass(frozen=True)
class Alternative:
    """A way to scale the campaign's endpoint, under the name that tables give it."""

    name: str
    target: ScalableTargetResource


def deployed(campaign: ResolvedCampaign) -> Alternative:
    """What the campaign file deploys."""
    return Alternative(campaign.file.scaling.metric, synthesize([campaign])[0])


def all_alternatives(campaign: ResolvedCampaign) -> Sequence[Alternative]:
    """The published policy, the backlog-aware one, AWS's recommendation and a fixed fleet.

    A realtime endpoint has no backlog to scale by: there its own policy and a fixed fleet.
    """
    if campaign.file.endpoint.mode == "realtime":
        own = deployed(campaign)
        return own, Alternative("fixed fleet", fixed_fleet(own.target))
    published, aware = synthesize(
        [with_scaling(campaign, {"metric": metric}) for metric in ("published", "backlog-aware")]
    )
    return (
        Alternative("published", published),
        Alternative("backlog-aware", aware),
        Alternative("backlog per instance", backlog_per_instance(published, campaign)),
        Alternative("fixed fleet", fixed_fleet(published)),
    )


def fixed_fleet(target: ScalableTargetResource, instances: int | None = None) -> ScalableTargetResource:
    """``instances`` all day (the maximum if not given); no policy, no schedule."""
    count = target.limits.maximum if instances is None else instances
    return replace(target, limits=CapacityLimits(count, count), policies=(), scheduled_actions=())


def backlog_per_instance(
    target: ScalableTargetResource, campaign: ResolvedCampaign
) -> ScalableTargetResource:
    """AWS's recommendation: track ApproximateBacklogSizePerInstance, in place of the utilization.

    The metric and the cooldowns (300 s out, 600 s in) are those of the SageMaker developer guide,
    "Autoscale an asynchronous endpoint", whose example tracks 5. The target is by the formula of the
    Amazon EC2 Auto Scaling user guide, "Scaling policy based on Amazon SQS": the longest acceptable
    latency over the time of one message, here times the workers that take messages at once. The policy
    that leaves zero stays.
    """
    goal = campaign.file.scaling.latency_goal
    acceptable = max(1.0, goal / campaign.seconds_per_image * campaign.workers_per_instance)
    endpoint = target.resource_id.split("/")[1]
    stat = MetricStat(
        ENDPOINT, "ApproximateBacklogSizePerInstance", (("EndpointName", endpoint),), "Average", MINUTE
    )
    policy = TargetTrackingPolicy(
        name=f"{endpoint}-backlog-per-instance",
        target=acceptable,
        queries=(MetricQuery("m1", stat),),
        scale_out_cooldown=300.0,
        scale_in_cooldown=600.0,
    )
    kept = [one for one in target.policies if not isinstance(one.policy, TargetTrackingPolicy)]
    return replace(target, policies=(PolicyResource("BacklogPerInstance", policy), *kept))
