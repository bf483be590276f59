"""How the endpoint scales: the published formula, the backlog-aware one, from zero, on a schedule."""

from __future__ import annotations

from typing import Any

import pytest

from darkroom.autoscaling.metric_math import Value, evaluate_series
from darkroom.autoscaling.policies import StepScalingPolicy
from darkroom.autoscaling.properties import read_scaling_policy
from darkroom.autoscaling.series import TimeSeries
from tests.stacks.synthesized import Synth, Synthesized

POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
ALARM = "AWS::CloudWatch::Alarm"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"


def _tracking(synthesized: Synthesized) -> dict[str, Any]:
    (policy,) = [
        each["Properties"]
        for each in synthesized.resources("inference", POLICY).values()
        if each["Properties"]["PolicyType"] == "TargetTrackingScaling"
    ]
    configuration: dict[str, Any] = policy["TargetTrackingScalingPolicyConfiguration"]
    return configuration


def _stepping(synthesized: Synthesized, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The step policy that the alarm of that name invokes, and the alarm."""
    (alarm,) = [
        each["Properties"]
        for each in synthesized.resources("inference", ALARM).values()
        # The names of an update's alarms hold a reference.
        if str(each["Properties"]["AlarmName"]).endswith(f"-{name}")
    ]
    (action,) = alarm["AlarmActions"]
    policy = synthesized.resources("inference", POLICY)[action["Ref"]]["Properties"]
    steps: dict[str, Any] = policy["StepScalingPolicyConfiguration"]
    return steps, alarm


def _queries(synthesized: Synthesized) -> dict[str, dict[str, Any]]:
    metrics = _tracking(synthesized)["CustomizedMetricSpecification"]["Metrics"]
    return {each["Id"]: each for each in metrics}


def _evaluate(queries: dict[str, dict[str, Any]], **values: float | None) -> float | None:
    """The utilization for one minute's metric values, None for a metric without one."""
    return _series(queries, "utilization", **{id: (value,) for id, value in values.items()}).latest()


def _series(
    queries: dict[str, dict[str, Any]], wanted: str, **values: tuple[float | None, ...]
) -> TimeSeries:
    known: dict[str, Value] = {id: TimeSeries(series, 60) for id, series in values.items()}
    for id, query in queries.items():
        if "Expression" in query:
            known[id] = evaluate_series(query["Expression"], known)
    series = known[wanted]
    assert isinstance(series, TimeSeries)
    return series


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


@pytest.mark.parametrize("metric", ["published", "backlog-aware"])
def test_instances_are_counted_by_the_samples_of_a_host_metric(metric: str, synth: Synth) -> None:
    synthesized = synth("demo", scaling={"metric": metric})
    if metric == "published":
        queries = _queries(synthesized)
    else:
        queries = {each["Id"]: each for each in _stepping(synthesized, "backlog")[1]["Metrics"]}
    instances = queries["instances"]["MetricStat"]
    assert instances["Stat"] == "SampleCount"
    assert instances["Metric"]["Namespace"] == "/aws/sagemaker/Endpoints"
    assert instances["Metric"]["MetricName"] == "CPUUtilization"
    assert instances["Metric"]["Dimensions"] == [
        {"Name": "EndpointName", "Value": "demo"},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]


def test_what_lacks_is_what_waits_over_five_minutes_and_the_new_misses(synth: Synth) -> None:
    # At 10 s a picture an instance draws 72 a minute, of which 54 are planned with.
    _, alarm = _stepping(synth("national-launch", scaling={"seconds_per_image": 10}), "backlog")
    queries = {each["Id"]: each for each in alarm["Metrics"]}
    lacking = _series(queries, "lacking", instances=(2, 2), backlog=(270, 540), misses=(54, 108))
    assert lacking.values == pytest.approx((0, 2))
    # No new miss is no reason to say nothing, and at zero instances there is no sample of them.
    assert _series(queries, "lacking", instances=(None,), backlog=(270,), misses=(None,)).values == (1,)
    # The hosts and the endpoint report later than the front-end: their last values stand in.
    late = _series(queries, "lacking", instances=(1, None), backlog=(270, None), misses=(0, 54))
    assert late.values == pytest.approx((0, 1))
    backlog = queries["backlog"]["MetricStat"]
    assert backlog["Metric"]["MetricName"] == "ApproximateBacklogSize"
    assert backlog["Metric"]["Dimensions"] == [{"Name": "EndpointName", "Value": "national-launch"}]


def test_a_surge_is_what_is_asked_for_beyond_what_is_drawn_in_instances(synth: Synth) -> None:
    # One instance of 12 workers at 10 s a picture draws 12 pictures in 10 s; half as many again catch up.
    synthesized = synth("national-launch", scaling={"seconds_per_image": 10})
    _, alarm = _stepping(synthesized, "surge")
    queries = {each["Id"]: each for each in alarm["Metrics"]}
    (lacking,) = [id for id, query in queries.items() if query["ReturnData"]]
    measured = _series(
        queries,
        lacking,
        misses=(60, 60, 24, 5, None),
        completed=(None, 36, 24, 16, None),
        failed=(None,) * 5,
        refused=(None, None, None, 4, None),  # drawn, too: this campaign's pictures are looked at
    )
    assert measured.values == pytest.approx((7.5, 3.0, 0.0, -1.875, None))


def test_the_surge_alarm_looks_every_ten_seconds_at_metrics_of_ten_seconds(synth: Synth) -> None:
    _, alarm = _stepping(synth("demo"), "surge")
    stats = {
        each["MetricStat"]["Metric"]["MetricName"]: each["MetricStat"]
        for each in alarm["Metrics"]
        if "MetricStat" in each
    }
    assert set(stats) == {"CacheMisses", "PicturesCompleted", "JobsFailed"}
    assert {(stat["Stat"], stat["Period"]) for stat in stats.values()} == {("Sum", 10)}
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (4, 4)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_a_surge_orders_the_nearest_whole_number_of_instances_once(synth: Synth) -> None:
    policy, alarm = _stepping(synth("national-launch", scaling={"max_instances": 3}), "surge")
    assert alarm["Threshold"] == 0.5
    assert policy["AdjustmentType"] == "ChangeInCapacity"
    assert policy["Cooldown"] == 300
    assert policy["StepAdjustments"] == [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 1, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 1, "MetricIntervalUpperBound": 2, "ScalingAdjustment": 2},
        {"MetricIntervalLowerBound": 2, "ScalingAdjustment": 3},
    ]


@pytest.mark.parametrize("most", [1, 8, 20, 21, 50])
def test_the_steps_of_a_fleet_of_any_size_are_within_the_limit_and_reach_it(most: int, synth: Synth) -> None:
    synthesized = synth("newsletter", scaling={"max_instances": most})
    for name, direction in (("surge", 1), ("spare", -1)):
        policy = read_scaling_policy(
            name,
            {"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": _stepping(synthesized, name)[0]},
            "endpoint/newsletter/variant/AllTraffic",
        )
        assert isinstance(policy, StepScalingPolicy)
        assert 1 <= len(policy.steps) <= 20
        assert all(step.adjustment * direction >= 1 for step in policy.steps)
    surge = _stepping(synthesized, "surge")[0]["StepAdjustments"]
    assert surge[-1]["ScalingAdjustment"] >= most


def test_half_of_the_spare_instances_go_at_a_time_and_the_last_when_nothing_is_asked(synth: Synth) -> None:
    policy, alarm = _stepping(
        synth("national-launch", scaling={"max_instances": 4, "scale_in_cooldown": "5m"}), "spare"
    )
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 8)
    assert [step["ScalingAdjustment"] for step in policy["StepAdjustments"]] == [-1, -1, -2, -2]
    assert policy["Cooldown"] == 300


def test_an_instance_is_spare_only_beyond_the_backlog_and_the_newest_misses(synth: Synth) -> None:
    # At 10 s a picture an instance draws 72 a minute, of which 54 are planned with.
    _, alarm = _stepping(synth("national-launch", scaling={"seconds_per_image": 10}), "spare")
    queries = {each["Id"]: each for each in alarm["Metrics"]}
    # The hosts and the endpoint report later than the front-end: their last values stand in.
    spare = _series(queries, "spare", instances=(4, 4, None), backlog=(0, 108, None), misses=(None, 0, 108))
    assert spare.values == pytest.approx((4, 2, 0))
    needed = _series(queries, "spare", instances=(1,), backlog=(0,), misses=(1,)).latest()
    assert needed is not None
    assert needed < 1


def test_one_policy_serves_the_surge_and_the_backlog_so_that_nothing_is_ordered_twice(synth: Synth) -> None:
    synthesized = synth("national-launch")
    policies = synthesized.resources("inference", POLICY).values()
    assert {policy["Properties"]["PolicyType"] for policy in policies} == {"StepScaling"}
    orders = [_stepping(synthesized, name)[1]["AlarmActions"] for name in ("surge", "backlog")]
    assert orders[0] == orders[1]


def test_the_published_policy_has_no_steps_but_from_zero_and_scales_in_by_itself(synth: Synth) -> None:
    synthesized = synth("national-launch", scaling={"metric": "published"})
    assert len(synthesized.resources("inference", POLICY)) == 2
    assert _tracking(synthesized)["DisableScaleIn"] is False


def test_one_query_returns_data_and_an_alarm_may_watch_it(synth: Synth) -> None:
    queries = _queries(synth("national-launch", scaling={"metric": "published", "seconds_per_image": 10}))
    assert [id for id, query in queries.items() if query["ReturnData"]] == ["utilization"]
    assert _evaluate(queries, **dict.fromkeys(queries)) is None
    assert len(queries) <= 10  # CloudWatch's limit for an alarm on metric math


def test_target_and_cooldowns_are_the_campaigns(synth: Synth) -> None:
    tracking = _tracking(synth("demo", scaling={"metric": "published"}))
    assert tracking["TargetValue"] == 0.75
    assert (tracking["ScaleOutCooldown"], tracking["ScaleInCooldown"]) == (60, 120)
    # An order takes minutes to be served: the cooldown of our own policies is no shorter than that.
    assert _stepping(synth("demo"), "surge")[0]["Cooldown"] == 300
    patient = synth("demo", scaling={"scale_out_cooldown": "10m", "scale_in_cooldown": "7m"})
    assert (_stepping(patient, "surge")[0]["Cooldown"], _stepping(patient, "spare")[0]["Cooldown"]) == (
        600,
        420,
    )


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
    _, alarm = _stepping(demo, "from-zero")
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
