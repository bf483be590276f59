"""Scaling read from a synthesized template."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from darkroom.autoscaling.intrinsics import resolve
from darkroom.autoscaling.metric_query import MetricStat
from darkroom.autoscaling.policies import CapacityLimits, StepScalingPolicy, TargetTrackingPolicy
from darkroom.autoscaling.properties import UnsupportedPropertyError
from darkroom.autoscaling.template import read_template

ENDPOINT = {"Fn::GetAtt": ["Endpoint", "EndpointName"]}
METRIC = {
    "Namespace": "/aws/sagemaker/Endpoints",
    "MetricName": "CPUUtilization",
    "Dimensions": [
        {"Name": "VariantName", "Value": "AllTraffic"},
        {"Name": "EndpointName", "Value": ENDPOINT},
    ],
}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointConfigName": {"Fn::If": []}},
        },
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "MinCapacity": 0,
                "MaxCapacity": 8,
                "ResourceId": {"Fn::Join": ["", ["endpoint/", ENDPOINT, "/variant/AllTraffic"]]},
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "ServiceNamespace": "sagemaker",
                "ScheduledActions": [
                    {
                        "ScheduledActionName": "doors-open",
                        "Schedule": "cron(0 8 ? * MON-FRI *)",
                        "Timezone": "Europe/Amsterdam",
                        "ScalableTargetAction": {"MinCapacity": 2},
                    }
                ],
            },
        },
        "Tracking": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "utilization",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 0.75,
                    "ScaleOutCooldown": 60,
                    "ScaleInCooldown": 120,
                    "CustomizedMetricSpecification": {
                        "Metrics": [
                            {
                                "Id": "m1",
                                "MetricStat": {"Metric": METRIC, "Stat": "SampleCount"},
                                "ReturnData": False,
                            },
                            {"Id": "e1", "Expression": "IF(m1 > 0, 1 / m1)"},
                        ]
                    },
                },
            },
        },
        "LeaveZero": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "leave-zero",
                "PolicyType": "StepScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "StepScalingPolicyConfiguration": {
                    "AdjustmentType": "ChangeInCapacity",
                    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
                },
            },
        },
        "Waiting": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Namespace": "AWS/SageMaker",
                "MetricName": "HasBacklogWithoutCapacity",
                "Dimensions": [{"Name": "EndpointName", "Value": ENDPOINT}],
                "Statistic": "Average",
                "Period": 60,
                "EvaluationPeriods": 2,
                "Threshold": 1,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "AlarmActions": [{"Ref": "LeaveZero"}],
            },
        },
    }
}


def changed(resource: str, **properties: Any) -> dict[str, Any]:
    template = copy.deepcopy(TEMPLATE)
    template["Resources"][resource]["Properties"].update(properties)
    return template


def test_a_target_is_read_with_its_policies_alarms_and_schedule() -> None:
    (target,) = read_template(TEMPLATE)
    assert target.resource_id == "endpoint/Endpoint.EndpointName/variant/AllTraffic"
    assert target.limits == CapacityLimits(0, 8)
    assert [action.name for action in target.scheduled_actions] == ["doors-open"]
    assert target.scheduled_actions[0].time_zone == "Europe/Amsterdam"
    tracking, leave_zero = target.policies
    assert isinstance(tracking.policy, TargetTrackingPolicy)
    assert (tracking.policy.target, tracking.policy.scale_out_cooldown) == (0.75, 60)
    assert isinstance(leave_zero.policy, StepScalingPolicy)
    assert leave_zero.policy.cooldown == 300
    assert [alarm.name for alarm in leave_zero.alarms] == ["Waiting"]
    assert leave_zero.alarms[0].rule.datapoints_to_alarm == 2


def test_a_metrics_dimensions_are_the_same_in_any_order_and_its_period_is_a_minute() -> None:
    (target,) = read_template(TEMPLATE)
    policy = target.policies[0].policy
    assert isinstance(policy, TargetTrackingPolicy)
    assert policy.queries[0].stat == MetricStat(
        "/aws/sagemaker/Endpoints",
        "CPUUtilization",
        (("EndpointName", "Endpoint.EndpointName"), ("VariantName", "AllTraffic")),
        "SampleCount",
        60,
    )


def test_a_predefined_metric_takes_its_dimensions_from_the_target() -> None:
    configuration = {
        "TargetValue": 10,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    (target,) = read_template(changed("Tracking", TargetTrackingScalingPolicyConfiguration=configuration))
    policy = target.policies[0].policy
    assert isinstance(policy, TargetTrackingPolicy)
    stat = policy.queries[0].stat
    assert stat is not None
    assert stat.dimensions == (("EndpointName", "Endpoint.EndpointName"), ("VariantName", "AllTraffic"))


@pytest.mark.parametrize(
    ("resource", "properties", "reason"),
    [
        ("Target", {"ScalableDimension": "ecs:service:DesiredCount"}, "'Target' scales 'ecs:service"),
        ("Tracking", {"PolicyType": "PredictiveScaling"}, "'utilization': PolicyType 'PredictiveScaling'"),
        ("Waiting", {"ThresholdMetricId": "band"}, "'Waiting': ThresholdMetricId"),
        ("Waiting", {"ComparisonOperator": "LessThanLowerThreshold"}, "'Waiting': ComparisonOperator"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(
    resource: str, properties: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnsupportedPropertyError, match=reason):
        read_template(changed(resource, **properties))


@pytest.mark.parametrize(
    ("resource", "properties", "reason"),
    [
        ("Target", {"MinCapacity": 9}, "give 0 <= minimum <= maximum"),
        ("Waiting", {"Metrics": [{"Id": "m1", "Expression": "1"}]}, "either Metrics or MetricName"),
        ("Waiting", {"Statistic": "Median"}, "the statistic 'Median' is not supported"),
        ("Waiting", {"Period": 45}, "use 10, 20, 30 or a multiple of 60"),
        ("LeaveZero", {"StepScalingPolicyConfiguration": {}}, "the property AdjustmentType is missing"),
        (
            "Target",
            {"ScheduledActions": [{"ScheduledActionName": "open", "Schedule": "cron(0 8 * * MON *)"}]},
            "the scheduled action 'open': cron",
        ),
        (
            "Tracking",
            {
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 1,
                    "CustomizedMetricSpecification": {
                        "Metrics": [{"Id": "e1", "Expression": "SEARCH(m1)"}],
                    },
                }
            },
            "the function SEARCH is not supported",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_place(
    resource: str, properties: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        read_template(changed(resource, **properties))


def test_parameters_are_filled_in_and_other_references_stand_for_themselves() -> None:
    value = {
        "a": {"Ref": "AWS::Region"},
        "b": {"Fn::Sub": ["${AWS::Region}-${Name}-${Other}-${!kept}", {"Name": {"Ref": "Bucket"}}]},
        "c": [{"Fn::ImportValue": "export"}, {"Fn::GetAtt": "Topic.Arn"}, {"Ref": "Topic"}],
    }
    assert resolve(value, {"AWS::Region": "eu-west-1"}) == {
        "a": "eu-west-1",
        "b": "eu-west-1-Bucket-Other-${!kept}",
        "c": ["export", "Topic.Arn", "Topic"],
    }


def test_an_intrinsic_function_that_cannot_be_resolved_is_named() -> None:
    with pytest.raises(ValueError, match="Fn::Cidr can't be resolved"):
        resolve({"Fn::Cidr": []}, {})
