"""The scaling that a synthesized CloudFormation template will deploy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.autoscaling.intrinsics import resolve
from darkroom.autoscaling.policies import CapacityLimits, MetricAlarm, ScalingPolicy, ScheduledAction
from darkroom.autoscaling.properties import (
    Properties,
    UnsupportedPropertyError,
    read_metric_alarm,
    read_scaling_policy,
    read_scheduled_action,
)

SCALABLE_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
SCALING_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
ALARM = "AWS::CloudWatch::Alarm"
VARIANT_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@dataclass(frozen=True)
class PolicyResource:
    """A policy of a scalable target, with the alarms that invoke it.

    Attributes:
        alarms: the template's alarms with an action on the policy; empty for target tracking, whose
            alarms AWS makes itself.
    """

    logical_id: str
    policy: ScalingPolicy
    alarms: tuple[MetricAlarm, ...] = ()


@dataclass(frozen=True)
class ScalableTargetResource:
    """A production variant that scales, and all that scales it."""

    logical_id: str
    resource_id: str
    limits: CapacityLimits
    policies: tuple[PolicyResource, ...]
    scheduled_actions: tuple[ScheduledAction, ...]


def read_template(
    template: Mapping[str, Any], parameters: Mapping[str, str] | None = None
) -> tuple[ScalableTargetResource, ...]:
    """Every scalable target of ``template`` with its policies, alarms and scheduled actions.

    Args:
        template: a CloudFormation template, as JSON.
        parameters: values of parameters and pseudo parameters (``AWS::Region``). A reference to a
            resource stands as its logical id, an attribute as ``LogicalId.Attribute``, an import as
            its export name: metrics are equal when what they refer to is.

    Raises:
        ValueError: a resource lacks a property or contradicts itself.
        UnsupportedPropertyError: it has something that can't be played.
    """
    resources = {
        logical_id: (resource["Type"], resolve(resource.get("Properties", {}), parameters or {}))
        for logical_id, resource in template.get("Resources", {}).items()
        if resource["Type"] in (SCALABLE_TARGET, SCALING_POLICY, ALARM)
    }
    alarms = [
        read_metric_alarm(logical_id, properties)
        for logical_id, (kind, properties) in resources.items()
        if kind == ALARM
    ]
    policies = {
        logical_id: properties
        for logical_id, (kind, properties) in resources.items()
        if kind == SCALING_POLICY
    }
    return tuple(
        _read_target(logical_id, properties, policies, alarms)
        for logical_id, (kind, properties) in resources.items()
        if kind == SCALABLE_TARGET
    )


def _read_target(
    logical_id: str, properties: Properties, policies: Mapping[str, Properties], alarms: list[MetricAlarm]
) -> ScalableTargetResource:
    dimension = properties["ScalableDimension"]
    if dimension != VARIANT_DIMENSION:
        raise UnsupportedPropertyError(
            f"the scalable target {logical_id!r} scales {dimension!r}: only {VARIANT_DIMENSION} can be played"
        )
    resource_id = properties["ResourceId"]
    own = {
        policy_id: policy
        for policy_id, policy in policies.items()
        if _belongs(policy, logical_id, resource_id, dimension)
    }
    return ScalableTargetResource(
        logical_id=logical_id,
        resource_id=resource_id,
        limits=CapacityLimits(int(properties["MinCapacity"]), int(properties["MaxCapacity"])),
        policies=tuple(
            PolicyResource(
                logical_id=policy_id,
                policy=read_scaling_policy(policy.get("PolicyName") or policy_id, policy, resource_id),
                alarms=tuple(alarm for alarm in alarms if policy_id in alarm.alarm_actions),
            )
            for policy_id, policy in own.items()
        ),
        scheduled_actions=tuple(map(read_scheduled_action, properties.get("ScheduledActions") or ())),
    )


def _belongs(policy: Properties, target: str, resource_id: str, dimension: str) -> bool:
    """Whether a policy names the target, by ScalingTargetId or by resource id and dimension."""
    if policy.get("ScalingTargetId") is not None:
        return bool(policy["ScalingTargetId"] == target)
    return bool(policy.get("ResourceId") == resource_id and policy.get("ScalableDimension") == dimension)
