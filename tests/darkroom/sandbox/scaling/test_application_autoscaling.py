"""Targets, policies and schedules that scale a variant as the sandbox's time passes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.models import SageMakerModelBackend

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/demo/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


def register(world: Any, minimum: int = 0, maximum: int = 8) -> None:
    world.scaling.register_scalable_target(**TARGET, MinCapacity=minimum, MaxCapacity=maximum)


def put_tracking(world: Any, name: str = "tracking", metric: str = "Utilization", **changes: Any) -> Any:
    stat = {"Metric": {"Namespace": "Test", "MetricName": metric}, "Stat": "Average"}
    configuration: dict[str, Any] = {
        "TargetValue": 0.75,
        "CustomizedMetricSpecification": {
            "Metrics": [
                {"Id": "m1", "MetricStat": stat, "ReturnData": False},
                {"Id": "e1", "Expression": "m1 * 1"},
            ]
        },
        "ScaleOutCooldown": 60,
        "ScaleInCooldown": 120,
    }
    return world.scaling.put_scaling_policy(
        **TARGET,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={**configuration, **changes},
    )


def put_step(world: Any) -> str:
    """The policy that leaves zero, with its alarm; gives its ARN."""
    arn = str(
        world.scaling.put_scaling_policy(
            **TARGET,
            PolicyName="from-zero",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "Cooldown": 300,
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
            },
        )["PolicyARN"]
    )
    world.cloudwatch.put_metric_alarm(
        AlarmName="waiting",
        Namespace="Test",
        MetricName="HasBacklogWithoutCapacity",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[arn],
    )
    return arn


def schedule(world: Any, expression: str, minimum: int, **more: Any) -> None:
    world.scaling.put_scheduled_action(
        **TARGET,
        ScheduledActionName="doors-open",
        Schedule=expression,
        ScalableTargetAction={"MinCapacity": minimum},
        **more,
    )


def test_a_backlog_without_capacity_brings_the_first_instance(world: Any) -> None:
    world.make_endpoint(instances=0)
    register(world)
    put_step(world)
    world.advance(60, {"HasBacklogWithoutCapacity": 1})
    assert world.instances == 0
    world.advance(60, {"HasBacklogWithoutCapacity": 1})
    assert world.instances == 1


def test_the_step_policys_cooldown_holds_back_a_second_instance(world: Any) -> None:
    world.make_endpoint(instances=0)
    register(world)
    put_step(world)
    world.advance(300, {"HasBacklogWithoutCapacity": 1})
    assert world.instances == 1
    world.advance(300, {"HasBacklogWithoutCapacity": 1})
    assert world.instances == 2


def test_target_tracking_makes_two_alarms_named_as_aws_does_and_deletes_them_with_the_policy(
    world: Any,
) -> None:
    world.make_endpoint()
    register(world)
    answer = put_tracking(world)
    names = [alarm["AlarmName"] for alarm in answer["Alarms"]]
    assert names[0].startswith("TargetTracking-endpoint/demo/variant/AllTraffic-AlarmHigh-")
    assert names[1].startswith("TargetTracking-endpoint/demo/variant/AllTraffic-AlarmLow-")
    high, low = (world.alarm(name) for name in names)
    assert (high["Threshold"], high["EvaluationPeriods"], high["ComparisonOperator"]) == (
        0.75,
        3,
        "GreaterThanThreshold",
    )
    assert (low["Threshold"], low["EvaluationPeriods"]) == (pytest.approx(0.675), 15)
    world.scaling.delete_scaling_policy(PolicyName="tracking", **TARGET)
    assert world.cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_target_tracking_scales_out_in_proportion_after_three_minutes(world: Any) -> None:
    world.make_endpoint(instances=2)
    register(world)
    put_tracking(world)
    world.advance(120, {"Utilization": 1.5})
    assert world.instances == 2
    world.advance(60, {"Utilization": 1.5})
    assert world.instances == 4


def test_target_tracking_acts_again_each_minute_that_its_alarm_holds(world: Any) -> None:
    world.make_endpoint(instances=1)
    register(world, maximum=8)
    put_tracking(world, ScaleOutCooldown=0)
    world.advance(180, {"Utilization": 1.5})
    assert world.instances == 2
    world.advance(60, {"Utilization": 1.5})
    assert world.instances == 4


def test_target_tracking_scales_in_after_fifteen_minutes_down_to_zero(world: Any) -> None:
    world.make_endpoint(instances=1)
    register(world)
    put_tracking(world)
    world.advance(14 * 60, {"Utilization": 0})
    assert world.instances == 1
    world.advance(60, {"Utilization": 0})
    assert world.instances == 0


def test_without_data_nothing_scales(world: Any) -> None:
    world.make_endpoint(instances=3)
    register(world)
    put_tracking(world)
    world.advance(1800)
    assert world.instances == 3


def test_scale_in_waits_for_all_target_tracking_policies(world: Any) -> None:
    world.make_endpoint(instances=4)
    register(world)
    put_tracking(world, "first", "Utilization")
    put_tracking(world, "second", "Backlog")
    world.advance(1200, {"Utilization": 0.1, "Backlog": 0.7})
    assert world.instances == 4
    world.advance(1200, {"Utilization": 0.1, "Backlog": 0.1})
    assert world.instances < 4


def test_the_endpoints_limits_are_enforced_when_registered(world: Any) -> None:
    world.make_endpoint(instances=1)
    register(world, minimum=2)
    assert world.instances == 2
    assert world.activities()[0]["Cause"] == "minimum capacity was set to 2"


def test_activities_tell_what_was_done_and_why_in_awss_words(world: Any) -> None:
    world.make_endpoint(instances=0)
    register(world)
    put_step(world)
    world.advance(120, {"HasBacklogWithoutCapacity": 1})
    (activity,) = world.activities()
    assert activity["Description"] == "Setting desired instance count to 1."
    assert activity["Cause"] == "monitor alarm waiting in state ALARM triggered policy from-zero"
    assert activity["StatusCode"] == "Successful"
    assert activity["StatusMessage"].endswith("Change successfully fulfilled by sagemaker.")


def test_an_activity_is_in_progress_and_its_cooldown_waits_until_the_instances_run(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(_backend: Any, _endpoint: str, wanted: list[dict[str, Any]]) -> None:
        world.variant["DesiredInstanceCount"] = wanted[0]["DesiredInstanceCount"]

    world.make_endpoint(instances=0)
    register(world)
    put_step(world)
    monkeypatch.setattr(SageMakerModelBackend, "update_endpoint_weights_and_capacities", ask)
    world.advance(900, {"HasBacklogWithoutCapacity": 1})
    assert world.instances == 1
    assert world.activities()[0]["StatusCode"] == "InProgress"
    world.variant["CurrentInstanceCount"] = 1
    world.advance(240, {"HasBacklogWithoutCapacity": 1})
    assert world.activities()[0]["StatusCode"] == "Successful"
    assert world.instances == 1
    world.advance(120, {"HasBacklogWithoutCapacity": 1})
    assert world.instances == 2


def test_what_sagemaker_refuses_is_a_failed_activity(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AWSValidationException("Cannot update in-progress endpoint")

    world.make_endpoint(instances=0)
    register(world)
    put_step(world)
    monkeypatch.setattr(SageMakerModelBackend, "update_endpoint_weights_and_capacities", refuse)
    world.advance(120, {"HasBacklogWithoutCapacity": 1})
    assert world.activities()[0]["StatusCode"] == "Failed"
    assert "Cannot update in-progress endpoint" in world.activities()[0]["StatusMessage"]


def test_a_scheduled_action_sets_the_limits_and_the_capacity_at_its_local_time(world: Any) -> None:
    world.make_endpoint(instances=0)
    register(world)
    # The test starts on 2030-03-17 at 18:00 UTC, which is 19:00 in Amsterdam.
    schedule(world, "cron(5 19 ? * * *)", 2, Timezone="Europe/Amsterdam")
    world.advance(240)
    assert world.instances == 0
    world.advance(60)
    assert world.instances == 2
    target = world.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"][0]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 8)
    assert [activity["Cause"] for activity in world.activities()] == [
        "minimum capacity was set to 2",
        "scheduled action name doors-open was triggered",
    ]


def test_a_one_time_action_runs_once_and_a_past_one_never(world: Any) -> None:
    world.make_endpoint(instances=0)
    register(world)
    schedule(world, "at(2030-03-17T18:02:00)", 1)
    world.advance(120)
    assert world.instances == 1
    register(world, minimum=0)
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="demo",
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}],
    )
    world.advance(600)
    assert world.instances == 0


def test_an_action_does_not_run_after_its_end_time(world: Any) -> None:
    world.make_endpoint(instances=0)
    register(world)
    schedule(world, "rate(5 minutes)", 1, EndTime=world.at(240))
    world.advance(900)
    assert world.instances == 0


def test_suspended_scaling_leaves_the_capacity_alone(world: Any) -> None:
    world.make_endpoint(instances=0)
    register(world)
    put_step(world)
    world.scaling.register_scalable_target(**TARGET, SuspendedState={"DynamicScalingOutSuspended": True})
    world.advance(300, {"HasBacklogWithoutCapacity": 1})
    assert world.instances == 0


def test_deregistering_deletes_policies_alarms_and_schedules_but_not_the_users_alarm(world: Any) -> None:
    world.make_endpoint()
    register(world)
    put_tracking(world)
    put_step(world)
    schedule(world, "rate(1 hour)", 1)
    world.scaling.deregister_scalable_target(**TARGET)
    assert world.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert world.scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == []
    assert [alarm["AlarmName"] for alarm in world.cloudwatch.describe_alarms()["MetricAlarms"]] == ["waiting"]


def test_updating_a_policy_keeps_its_arn_and_leaves_one_pair_of_alarms(world: Any) -> None:
    world.make_endpoint()
    register(world)
    first = put_tracking(world)["PolicyARN"]
    assert put_tracking(world, TargetValue=0.5)["PolicyARN"] == first
    thresholds = {alarm["Threshold"] for alarm in world.cloudwatch.describe_alarms()["MetricAlarms"]}
    assert thresholds == {0.5, 0.45}


def test_a_step_policy_is_described_with_the_alarms_that_invoke_it(world: Any) -> None:
    world.make_endpoint()
    register(world)
    put_step(world)
    (policy,) = world.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == ["waiting"]


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("endpoint/nobody/variant/AllTraffic", "Could not find endpoint"),
        ("endpoint/demo/variant/Other", "has no variant Other"),
    ],
)
def test_a_target_that_does_not_exist_is_refused(world: Any, resource: str, reason: str) -> None:
    world.make_endpoint()
    with pytest.raises(ClientError, match=reason):
        world.scaling.register_scalable_target(
            **{**TARGET, "ResourceId": resource}, MinCapacity=0, MaxCapacity=1
        )


def test_another_service_is_refused_by_name(world: Any) -> None:
    with pytest.raises(ClientError, match="The local AWS scales sagemaker:variant:DesiredInstanceCount"):
        world.scaling.register_scalable_target(
            ServiceNamespace="dynamodb",
            ResourceId="table/jobs",
            ScalableDimension="dynamodb:table:ReadCapacityUnits",
            MinCapacity=1,
            MaxCapacity=2,
        )


def test_a_policy_without_a_target_is_refused(world: Any) -> None:
    with pytest.raises(ClientError, match="No scalable target registered"):
        put_tracking(world)


def test_a_schedule_that_cannot_be_read_is_refused(world: Any) -> None:
    world.make_endpoint()
    register(world)
    with pytest.raises(ClientError, match="exactly one of day-of-month and day-of-week"):
        schedule(world, "cron(0 8 * * MON *)", 1)


def test_limits_that_sagemaker_refused_are_enforced_once_it_is_ready(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AWSValidationException("Cannot update in-progress endpoint")

    world.make_endpoint(instances=0)
    register(world)
    with monkeypatch.context() as busy:
        busy.setattr(SageMakerModelBackend, "update_endpoint_weights_and_capacities", refuse)
        register(world, minimum=1)
    assert world.instances == 0
    world.advance(10)
    assert world.instances == 1


def test_target_tracking_follows_a_single_customized_metric(world: Any) -> None:
    world.make_endpoint(instances=1)
    register(world)
    put_tracking(
        world,
        CustomizedMetricSpecification={"Namespace": "Test", "MetricName": "Load", "Statistic": "Average"},
    )
    world.advance(180, {"Load": 3.0})
    assert world.instances == 4


def test_a_capacity_that_somebody_else_sets_overrides_the_activity(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_endpoint(instances=1)
    register(world)
    put_tracking(world)
    with monkeypatch.context() as slow:
        slow.setattr(
            SageMakerModelBackend,
            "update_endpoint_weights_and_capacities",
            lambda _backend, _endpoint, wanted: world.variant.update(
                DesiredInstanceCount=wanted[0]["DesiredInstanceCount"]
            ),
        )
        world.advance(180, {"Utilization": 1.5})
    assert world.activities()[0]["StatusCode"] == "InProgress"
    world.variant["DesiredInstanceCount"] = 5
    world.advance(10)
    assert world.activities()[0]["StatusCode"] == "Overridden"
