"""How the endpoint scales: the published formula, the backlog-aware one, from zero, on a schedule."""

from __future__ import annotations

from typing import Any

import pytest

from darkroom.autoscaling.metric_math import Value, evaluate_series
from darkroom.autoscaling.series import TimeSeries
from tests.stacks.synthesized import Synth, Synthesized

POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"


def _tracking(synthesized: Synthesized) -> dict[str, Any]:
    (policy,) = [
        each["Properties"]
        for each in synthesized.resources("inference", POLICY).values()
        if each["Properties"]["PolicyType"] == "TargetTrackingScaling"
    ]
    configuration: dict[str, Any] = policy["TargetTrackingScalingPolicyConfiguration"]
    return configuration


def _queries(synthesized: Synthesized) -> dict[str, dict[str, Any]]:
    metrics = _tracking(synthesized)["CustomizedMetricSpecification"]["Metrics"]
    return {each["Id"]: each for each in metrics}


def _evaluate(queries: dict[str, dict[str, Any]], **values: float | None) -> float | None:
    """The utilization for one minute's metric values, None for a metric without one."""
    known: dict[str, Value] = {id: TimeSeries((value,), 60) for id, value in values.items()}
    for id, query in queries.items():
        if "Expression" in query:
            known[id] = evaluate_series(query["Expression"], known)
    utilization = known["utilization"]
    assert isinstance(utilization, TimeSeries)
    return utilization.latest()


def test_the_published_policy_is_the_published_formula(synth: Synth) -> None:
    # 10 s an image on the 12 accelerators of ml.inf2.48xlarge: capacity is m1 * 60 / 10 * 12 images a minute.
    synthesized = synth("national-launch", scaling={"metric": "published", "seconds_per_image": 10})
    queries = _queries(synthesized)
    assert set(queries) == {"instances", "demand", "capacity", "utilization"}
    assert _evaluate(queries, instances=1, demand=72) == pytest.approx(1.0)
    assert _evaluate(queries, instances=2, demand=108) == pytest.approx(0.75)
    # The published guard. Without instances their metric has no sample, and then nothing is said.
    assert _evaluate(queries, instances=0, demand=108) == 0
    assert _evaluate(queries, instances=None, demand=108) is None
    requests = queries["demand"]["MetricStat"]
    assert requests["Stat"] == "SampleCount"
    assert requests["Metric"] == {
        "Namespace": "ImageGenAPI",
        "MetricName": "NumberOfInferenceRequests",
        "Dimensions": [
            {"Name": "service", "Value": "ImageGenerator"},
            {"Name": "campaign", "Value": "national-launch"},
        ],
    }


def test_instances_are_counted_by_the_samples_of_a_host_metric(synth: Synth) -> None:
    instances = _queries(synth("demo"))["instances"]["MetricStat"]
    assert instances["Stat"] == "SampleCount"
    assert instances["Metric"]["Namespace"] == "/aws/sagemaker/Endpoints"
    assert instances["Metric"]["MetricName"] == "CPUUtilization"
    assert instances["Metric"]["Dimensions"] == [
        {"Name": "EndpointName", "Value": "demo"},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]


def test_the_backlog_aware_policy_adds_the_queue_to_the_new_misses(synth: Synth) -> None:
    queries = _queries(synth("national-launch", scaling={"seconds_per_image": 10}))
    assert _evaluate(queries, instances=2, backlog=72, misses=36, starting=0) == pytest.approx(0.75)
    # No new miss is no datapoint, not a missing utilization.
    assert _evaluate(queries, instances=1, backlog=36, misses=None, starting=None) == pytest.approx(0.5)
    backlog = queries["backlog"]["MetricStat"]
    assert backlog["Metric"]["MetricName"] == "ApproximateBacklogSize"
    assert backlog["Metric"]["Dimensions"] == [{"Name": "EndpointName", "Value": "national-launch"}]


def test_while_the_first_instance_starts_the_backlog_aware_policy_scales_neither_way(synth: Synth) -> None:
    synthesized = synth("demo")
    waiting = _evaluate(_queries(synthesized), instances=None, backlog=500, misses=100, starting=1)
    target = _tracking(synthesized)["TargetValue"]
    assert waiting is not None
    # Target tracking's alarms: above the target, and below 0.9 of it.
    assert 0.9 * target < waiting < target


@pytest.mark.parametrize("metric", ["published", "backlog-aware"])
def test_one_query_returns_data_and_an_alarm_may_watch_it(metric: str, synth: Synth) -> None:
    queries = _queries(synth("national-launch", scaling={"metric": metric, "seconds_per_image": 10}))
    assert [id for id, query in queries.items() if query["ReturnData"]] == ["utilization"]
    assert _evaluate(queries, **dict.fromkeys(queries)) is None
    assert len(queries) <= 10  # CloudWatch's limit for an alarm on metric math


def test_target_and_cooldowns_are_the_campaigns(synth: Synth) -> None:
    tracking = _tracking(synth("demo"))
    assert tracking["TargetValue"] == 0.75
    assert (tracking["ScaleOutCooldown"], tracking["ScaleInCooldown"]) == (60, 120)
    assert tracking["DisableScaleIn"] is False


def test_a_backlog_without_capacity_brings_the_first_instance(synth: Synth) -> None:
    demo = synth("demo")
    (id,) = [id for id in demo.resources("inference", POLICY) if "FromZero" in id]
    step = demo.resources("inference", POLICY)[id]["Properties"]["StepScalingPolicyConfiguration"]
    assert step == {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Average",
        "Cooldown": 300,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    }
    alarm = demo.only("inference", "AWS::CloudWatch::Alarm")
    assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Average", 60, 1)
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (2, 2)
    assert alarm["TreatMissingData"] == "missing"
    assert alarm["AlarmActions"] == [{"Ref": id}]


def test_the_target_starts_at_zero_and_outlives_no_endpoint(synth: Synth) -> None:
    demo = synth("demo")
    (target,) = demo.resources("inference", TARGET).values()
    assert target["Properties"]["ResourceId"] == "endpoint/demo/variant/AllTraffic"
    assert (target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]) == (0, 2)
    assert target["DependsOn"] == list(demo.resources("inference", "AWS::SageMaker::Endpoint"))
    assert "ScheduledActions" not in target["Properties"]


def test_scheduled_actions_carry_their_zone_and_only_the_bounds_they_change(synth: Synth) -> None:
    actions = synth("national-launch").only("inference", TARGET)["ScheduledActions"]
    assert actions[0] == {
        "ScheduledActionName": "doors-open",
        "Schedule": "cron(45 7 ? * MON-FRI *)",
        "Timezone": "America/New_York",
        "ScalableTargetAction": {"MinCapacity": 2},
    }
    assert actions[2]["Schedule"] == "at(2027-02-14T18:30:00)"
    assert actions[2]["ScalableTargetAction"] == {"MinCapacity": 6, "MaxCapacity": 8}
