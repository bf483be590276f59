"""The CloudFormation types of alarms and scaling, as the engine calls them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from darkroom.sandbox.application_autoscaling.resources import ScalableTargetHandler, ScalingPolicyHandler
from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler
from darkroom.sandbox.cloudwatch.resources import AlarmHandler

REGION = "eu-west-1"
TARGET_ID = "endpoint/demo/variant/AllTraffic|sagemaker:variant:DesiredInstanceCount|sagemaker"


def request(handler: ResourceHandler, properties: dict[str, Any]) -> HandlerRequest:
    return HandlerRequest(
        type_name=handler.type_name,
        logical_id="Resource",
        properties=properties,
        account_id="123456789012",
        region=REGION,
        stack_id="stack-id",
        stack_name="demo-inference",
    )


def target_properties(**changes: Any) -> dict[str, Any]:
    return {
        # CloudFormation hands numbers over as text where a template has them so.
        "MinCapacity": "0",
        "MaxCapacity": "4",
        "ResourceId": "endpoint/demo/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ServiceNamespace": "sagemaker",
        "ScheduledActions": [
            {
                "ScheduledActionName": name,
                "Schedule": "cron(0 8 ? * MON-FRI *)",
                "Timezone": "Europe/Amsterdam",
                "ScalableTargetAction": {"MinCapacity": "1"},
            }
            for name in ("open", "close")
        ],
        **changes,
    }


def create_target(world: Any) -> tuple[HandlerRequest, Resource]:
    world.make_endpoint()
    asked = request(ScalableTargetHandler(), target_properties())
    return asked, ScalableTargetHandler().create(asked)


def scheduled(world: Any) -> list[str]:
    actions = world.scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    return sorted(action["ScheduledActionName"] for action in actions)


def test_a_targets_reference_is_resource_dimension_and_service(world: Any) -> None:
    _, resource = create_target(world)
    assert resource.physical_id == TARGET_ID
    assert scheduled(world) == ["close", "open"]


def test_updating_a_target_changes_its_limits_and_drops_schedules_that_are_gone(world: Any) -> None:
    asked, resource = create_target(world)
    kept = target_properties()["ScheduledActions"][:1]
    ScalableTargetHandler().update(
        replace(
            asked,
            properties=target_properties(MaxCapacity="6", ScheduledActions=kept),
            previous=resource,
            previous_properties=asked.properties,
        )
    )
    (target,) = world.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["MaxCapacity"] == 6
    assert scheduled(world) == ["open"]


def test_a_policy_finds_its_target_by_reference_and_goes_before_it(world: Any) -> None:
    asked, target = create_target(world)
    handler = ScalingPolicyHandler()
    wanted = request(
        handler,
        {
            "PolicyName": "from-zero",
            "PolicyType": "StepScaling",
            "ScalingTargetId": TARGET_ID,
            "StepScalingPolicyConfiguration": {
                "AdjustmentType": "ChangeInCapacity",
                "MetricAggregationType": "Average",
                "Cooldown": "300",
                "StepAdjustments": [{"MetricIntervalLowerBound": "0", "ScalingAdjustment": "1"}],
            },
        },
    )
    policy = handler.create(wanted)
    assert policy.physical_id.startswith(f"arn:aws:autoscaling:{REGION}:123456789012:scalingPolicy:")
    assert policy.attributes["Arn"] == policy.physical_id
    handler.delete(replace(wanted, previous=policy))
    ScalableTargetHandler().delete(replace(asked, previous=target))
    assert world.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert scheduled(world) == []


def test_deleting_what_is_gone_is_a_success(world: Any) -> None:
    asked, target = create_target(world)
    ScalableTargetHandler().delete(replace(asked, previous=target))
    ScalableTargetHandler().delete(replace(asked, previous=target))


def test_an_alarm_is_made_changed_and_deleted(world: Any) -> None:
    handler = AlarmHandler()
    asked = request(
        handler,
        {
            "Metrics": [
                {
                    "Id": "m1",
                    "MetricStat": {
                        "Metric": {"Namespace": "Test", "MetricName": "Errors"},
                        "Period": "60",
                        "Stat": "Sum",
                    },
                    "ReturnData": "false",
                },
                {"Id": "e1", "Expression": "FILL(m1, 0)"},
            ],
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": "1.5",
            "EvaluationPeriods": "2",
        },
    )
    alarm = handler.create(asked)
    assert alarm.physical_id.startswith("demo-inference-Resource-")
    described = world.alarm(alarm.physical_id)
    assert alarm.attributes["Arn"] == described["AlarmArn"]
    assert described["Threshold"] == 1.5
    changed = replace(asked, properties={**asked.properties, "Threshold": "3"}, previous=alarm)
    assert handler.update(changed).physical_id == alarm.physical_id
    assert world.alarm(alarm.physical_id)["Threshold"] == 3
    handler.delete(replace(asked, previous=alarm))
    assert world.cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_an_update_of_the_bounds_leaves_suspensions_alone(world: Any) -> None:
    """A deployment to a paused campaign: "any parameters that you don't specify are not changed"."""
    asked, made = create_target(world)
    world.scaling.register_scalable_target(
        ResourceId="endpoint/demo/variant/AllTraffic",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        ServiceNamespace="sagemaker",
        MinCapacity=0,
        MaxCapacity=0,
        SuspendedState={"DynamicScalingOutSuspended": True},
    )
    ScalableTargetHandler().update(
        replace(
            asked,
            properties=target_properties(MaxCapacity="9"),
            previous=made,
            previous_properties=asked.properties,
        )
    )
    (target,) = world.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 9)
    assert target["SuspendedState"]["DynamicScalingOutSuspended"] is True
