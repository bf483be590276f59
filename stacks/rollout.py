"""How the endpoint goes over to another configuration, and what takes it back: deployment guardrails.

Sources: SageMaker developer guide, "Deployment guardrails" (also for asynchronous endpoints; the exclusions
name Inf1, not Inf2) and "Auto-Rollback Configuration and Monitoring"; API reference, DeploymentConfig.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from stacks.permissions import arn

# RollingUpdatePolicy allows 5 to 50 percent of the fleet a step (SageMaker API reference), which is no whole
# instance of a fleet of one: that is updated blue/green, SageMaker's default. Half keeps the other half
# drawing, and asks for half a fleet of quota more where a blue/green update would ask for a whole one.
ROLLING_BATCH_PERCENT = 50

# Metrics of a minute come a minute or two after it; an alarm below needs two minutes of three.
BAKING_SECONDS = 300

# Until a new instance is there to load the model. No figure is published for Inf2; 9 minutes were seen.
_PROVISIONING = 900
_LONGEST = 28800  # "Valid Range: Maximum value of 28800."

_HALF = 0.5  # of the requests; each is a sample of 0 or 1
_FAILS = (
    "Half the pictures that the new configuration was asked for end with {} of its container: an update is "
    "taken back."
)


def update_alarms(
    scope: Construct, campaign: ResolvedCampaign, *, variant: str, config: str
) -> list[cloudwatch.CfnAlarm]:
    """The alarms that take an update back; they see nothing but the instances that run ``config``.

    An alarm on the whole endpoint would see the old fleet too, and so stop the update that mends it. The
    names hold the configuration's: an update makes new alarms, and leaves the old ones to the way back. No
    traffic, no alarm: missing data is no reason to go back.
    """
    return [
        _alarm(
            scope, campaign, f"Update{name.title().replace('-', '')}",
            f"{campaign.name}-update-{name}-{config}", description, metric=metric, threshold=threshold,
            dimensions={"EndpointName": campaign.name, "VariantName": variant, "EndpointConfigName": config},
        )
        for name, description, metric, threshold in (
            # The Hugging Face toolkit answers every exception of the serving code with 400, other servers
            # with 500. The front-end lets no request through that the model refuses.
            ("refusals", _FAILS.format("4xx"), "Invocation4XXErrors", _HALF),
            ("errors", _FAILS.format("5xx"), "Invocation5XXErrors", _HALF),
            (
                "latency",
                "The new configuration draws at half the speed that the campaign counts on, or slower: an "
                "update is taken back.",
                "ModelLatency", _slow_seconds(campaign) * 1e6,
            ),
        )
    ]  # fmt: skip


def update_alarms_arn(stack: cdk.Stack, campaign: ResolvedCampaign) -> str:
    """The ARN of the alarms that take an update back, old and new: their names end with a configuration's."""
    return arn(stack, "cloudwatch", f"alarm:{campaign.name}-update-*")


def deployment_config(campaign: ResolvedCampaign, alarms: Sequence[cloudwatch.CfnAlarm]) -> dict[str, Any]:
    """The endpoint's DeploymentConfig: batches where there can be some, watched by ``alarms``."""
    guarded = {"autoRollbackConfiguration": {"alarms": [{"alarmName": alarm.ref} for alarm in alarms]}}
    endpoint, most = campaign.file.endpoint, campaign.file.scaling.max_instances
    # A request in work when its instance goes is waited for, 30 seconds at most.
    step = _PROVISIONING + endpoint.startup_timeout + endpoint.download_timeout + BAKING_SECONDS
    if most == 1:
        return {
            **guarded,
            "blueGreenUpdatePolicy": {
                "trafficRoutingConfiguration": {
                    "type": "ALL_AT_ONCE",
                    "waitIntervalInSeconds": BAKING_SECONDS,
                },
                # The old fleet stands by for as long again: until here going back takes no time.
                "terminationWaitInSeconds": BAKING_SECONDS,
                "maximumExecutionTimeoutInSeconds": min(_LONGEST, step + BAKING_SECONDS),
            },
        }
    batches = math.ceil(most / max(1, most * ROLLING_BATCH_PERCENT // 100))
    return {
        **guarded,
        "rollingUpdatePolicy": {
            "maximumBatchSize": {"type": "CAPACITY_PERCENT", "value": ROLLING_BATCH_PERCENT},
            "waitIntervalInSeconds": BAKING_SECONDS,
            "maximumExecutionTimeoutInSeconds": min(_LONGEST, batches * step),
        },
    }


def _slow_seconds(campaign: ResolvedCampaign) -> float:
    """Twice the seconds of a picture with the most steps, but less than it may take at all."""
    most_steps = campaign.recipe.steps.maximum / campaign.steps
    return min(2 * campaign.seconds_per_image * most_steps, 0.8 * campaign.file.endpoint.invocation_timeout)


def _alarm(
    scope: Construct,
    campaign: ResolvedCampaign,
    id: str,
    name: str,
    description: str,
    *,
    metric: str,
    threshold: float,
    dimensions: dict[str, str],
) -> cloudwatch.CfnAlarm:
    return cloudwatch.CfnAlarm(
        scope,
        id,
        alarm_name=name,
        alarm_description=f"{campaign.name}: {description}",
        namespace="AWS/SageMaker",
        metric_name=metric,
        dimensions=[{"name": key, "value": value} for key, value in dimensions.items()],
        statistic="Average",
        period=cdk.Duration.minutes(1).to_seconds(),
        evaluation_periods=3,
        datapoints_to_alarm=2,
        threshold=threshold,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
    )
