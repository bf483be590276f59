"""CloudFormation's AWS::ApplicationAutoScaling types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from darkroom.sandbox.cloudformation.handler import (
    HandlerRequest,
    Resource,
    ResourceHandler,
    undone_on_failure,
)

_SERVICE = "application-autoscaling"
_WHOLE = {
    "MinCapacity", "MaxCapacity", "Cooldown", "ScaleInCooldown", "ScaleOutCooldown",
    "MinAdjustmentMagnitude", "ScalingAdjustment",
}  # fmt: skip
_REAL = {"TargetValue", "MetricIntervalLowerBound", "MetricIntervalUpperBound"}
_BOOLEAN = {
    "DisableScaleIn", "ReturnData", "DynamicScalingInSuspended", "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
}  # fmt: skip


class ScalableTargetHandler(ResourceHandler):
    """A scalable target with its scheduled actions.

    ``Ref`` is ``ResourceId|ScalableDimension|ServiceNamespace``.
    """

    type_name = "AWS::ApplicationAutoScaling::ScalableTarget"
    properties = frozenset(
        {
            "MaxCapacity", "MinCapacity", "ResourceId", "RoleARN", "ScalableDimension", "ScheduledActions",
            "ServiceNamespace", "SuspendedState", "Tags",
        }
    )  # fmt: skip

    def create(self, request: HandlerRequest) -> Resource:
        with undone_on_failure(lambda: self._deregister(request)):
            return self._put(request)

    def update(self, request: HandlerRequest) -> Resource:
        before = _names(request.previous_properties)
        resource = self._put(request)
        for name in before - _names(request.properties):
            request.client(_SERVICE).delete_scheduled_action(
                ScheduledActionName=name, **_target(request.properties)
            )
        return resource

    def delete(self, request: HandlerRequest) -> None:
        self._deregister(request)

    def _put(self, request: HandlerRequest) -> Resource:
        properties = _typed(request.properties)
        client, target = request.client(_SERVICE), _target(properties)
        optional = {name: properties[name] for name in ("RoleARN", "SuspendedState") if name in properties}
        if "Tags" in properties:
            optional["Tags"] = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
        client.register_scalable_target(
            **target, MinCapacity=properties["MinCapacity"], MaxCapacity=properties["MaxCapacity"], **optional
        )
        for action in properties.get("ScheduledActions") or ():
            client.put_scheduled_action(**target, **action)
        physical_id = "|".join(
            target[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")
        )
        return Resource(physical_id, {"Id": physical_id})

    @staticmethod
    def _deregister(request: HandlerRequest) -> None:
        _ignoring_absence(request.client(_SERVICE).deregister_scalable_target, **_target(request.properties))


class ScalingPolicyHandler(ResourceHandler):
    """A target tracking or step scaling policy. ``Ref`` is its ARN."""

    type_name = "AWS::ApplicationAutoScaling::ScalingPolicy"
    properties = frozenset(
        {
            "PolicyName", "PolicyType", "ResourceId", "ScalableDimension", "ScalingTargetId",
            "ServiceNamespace", "StepScalingPolicyConfiguration", "TargetTrackingScalingPolicyConfiguration",
        }
    )  # fmt: skip

    def create(self, request: HandlerRequest) -> Resource:
        return self._put(request)

    def update(self, request: HandlerRequest) -> Resource:
        return self._put(request)

    def delete(self, request: HandlerRequest) -> None:
        _ignoring_absence(
            request.client(_SERVICE).delete_scaling_policy,
            PolicyName=request.properties["PolicyName"],
            **_target(request.properties),
        )

    @staticmethod
    def _put(request: HandlerRequest) -> Resource:
        configurations = {
            name: value
            for name, value in _typed(request.properties).items()
            if name.endswith("ScalingPolicyConfiguration")
        }
        arn = request.client(_SERVICE).put_scaling_policy(
            PolicyName=request.properties["PolicyName"],
            PolicyType=request.properties["PolicyType"],
            **_target(request.properties),
            **configurations,
        )["PolicyARN"]
        return Resource(arn, {"Arn": arn})


def _target(properties: Mapping[str, Any]) -> dict[str, str]:
    """The three parameters that name a scalable target in every call."""
    if "ScalingTargetId" in properties:
        resource_id, dimension, namespace = properties["ScalingTargetId"].split("|")
    else:
        resource_id, dimension, namespace = (
            properties[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")
        )
    return {"ResourceId": resource_id, "ScalableDimension": dimension, "ServiceNamespace": namespace}


def _names(properties: Mapping[str, Any]) -> set[str]:
    return {action["ScheduledActionName"] for action in properties.get("ScheduledActions") or ()}


def _typed(value: Any, name: str = "") -> Any:
    """Properties with the types that the API insists on; CloudFormation may hand all over as strings."""
    if isinstance(value, Mapping):
        return {key: _typed(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item, name) for item in value]
    if name in _WHOLE:
        return int(value)
    if name in _REAL:
        return float(value)
    return str(value).lower() == "true" if name in _BOOLEAN else value


def _ignoring_absence(call: Any, **parameters: str) -> None:
    """Delete what may be gone: a target takes its policies with it, and an endpoint may go first."""
    try:
        call(**parameters)
    except ClientError as error:
        if not error.response["Error"]["Message"].startswith("No scal"):
            raise
