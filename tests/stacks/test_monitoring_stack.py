"""What wakes somebody, and what they look at."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import Any

import pytest

from darkroom.autoscaling.metric_math import Value, evaluate_series
from darkroom.autoscaling.series import TimeSeries
from tests.stacks.synthesized import Synth, Synthesized

ALARM = "AWS::CloudWatch::Alarm"


@pytest.fixture(scope="module")
def launch(synth: Synth) -> Synthesized:
    return synth("national-launch")


def test_there_is_an_alarm_for_each_thing_that_needs_a_person(launch: Synthesized) -> None:
    names = {each["Properties"]["AlarmName"] for each in launch.resources("monitoring", ALARM).values()}
    assert names == {
        f"national-launch-{name}"
        for name in (
            "jobs-failed",
            "invocations-failed",
            "dead-letters",
            "backlog-age",
            "no-capacity",
            "api-5xx",
        )
    }


def test_every_alarm_tells_the_operations_topic_and_is_quiet_without_data(launch: Synthesized) -> None:
    (topic,) = launch.resources("monitoring", "AWS::SNS::Topic")
    for alarm in launch.resources("monitoring", ALARM).values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": topic}]
        assert alarm["Properties"]["OKActions"] == [{"Ref": topic}]
        assert alarm["Properties"]["TreatMissingData"] == "notBreaching"
        assert len(alarm["Properties"]["AlarmDescription"]) > 40


def test_the_alarms_may_publish_to_the_topic_though_its_policy_is_its_own(launch: Synthesized) -> None:
    statements = launch.only("monitoring", "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allowed,) = [each for each in statements if each["Effect"] == "Allow"]
    assert (allowed["Principal"], allowed["Action"]) == (
        {"Service": "cloudwatch.amazonaws.com"},
        "sns:Publish",
    )
    (alarms,) = allowed["Condition"]["ArnLike"]["aws:SourceArn"]
    for alarm in launch.resources("monitoring", ALARM).values():
        name = alarm["Properties"]["AlarmName"]
        assert fnmatch(f"arn:aws:cloudwatch:us-west-2:111122223333:alarm:{name}", alarms)


def test_a_campaign_in_two_regions_has_two_dashboards(synth: Synth) -> None:
    there = {"account": "111122223333", "region": "us-west-2"}
    names = {
        synth("newsletter", **change).only("monitoring", "AWS::CloudWatch::Dashboard")["DashboardName"]
        for change in ({}, {"environment": there})
    }
    assert names == {"newsletter-us-east-1", "newsletter-us-west-2"}


def test_a_request_that_waited_half_its_life_wakes_somebody(launch: Synthesized) -> None:
    age = launch.named("monitoring", ALARM, "BacklogAge")["Properties"]
    assert age["Threshold"] == 1800  # request_time_to_live is 1h


def test_every_address_is_subscribed(launch: Synthesized, synth: Synth) -> None:
    subscription = launch.only("monitoring", "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "campaign-ops@example.com")
    assert not synth("demo").resources("monitoring", "AWS::SNS::Subscription")


def _utilization_graph(synthesized: Synthesized) -> dict[str, Any]:
    body = json.loads(synthesized.only("monitoring", "AWS::CloudWatch::Dashboard")["DashboardBody"])
    graphs = {widget["properties"]["title"]: widget["properties"] for widget in body["widgets"]}
    graph: dict[str, Any] = graphs["Utilization"]
    return graph


@pytest.mark.parametrize("campaign", ["demo", "newsletter"])
def test_the_dashboard_draws_the_published_policys_own_utilization(campaign: str, synth: Synth) -> None:
    synthesized = synth(campaign, scaling={"metric": "published"})
    graph = _utilization_graph(synthesized)
    (tracking,) = [
        each["Properties"]["TargetTrackingScalingPolicyConfiguration"]
        for each in synthesized.resources("inference", "AWS::ApplicationAutoScaling::ScalingPolicy").values()
        if each["Properties"]["PolicyType"] == "TargetTrackingScaling"
    ]
    policy = {
        each["Id"]: each["Expression"]
        for each in tracking["CustomizedMetricSpecification"]["Metrics"]
        if "Expression" in each
    }
    drawn = {row[0]["id"]: row[0]["expression"] for row in graph["metrics"] if len(row) == 1}
    assert drawn == policy
    assert graph["annotations"]["horizontal"][0]["value"] == tracking["TargetValue"]


def test_the_dashboard_draws_what_waits_and_comes_over_what_the_fleet_draws(synth: Synth) -> None:
    # At 10 s a picture two instances of 12 workers draw 144 a minute.
    graph = _utilization_graph(synth("national-launch", scaling={"seconds_per_image": 10}))
    known: dict[str, Value] = {
        id: TimeSeries((value,), 60) for id, value in (("instances", 2), ("backlog", 72), ("misses", 36))
    }
    for row in graph["metrics"]:
        if len(row) == 1:
            known[row[0]["id"]] = evaluate_series(row[0]["expression"], known)
    utilization = known["utilization"]
    assert isinstance(utilization, TimeSeries)
    assert utilization.latest() == pytest.approx(0.75)


def test_the_dashboard_has_the_six_graphs_side_by_side(launch: Synthesized) -> None:
    body = json.loads(launch.only("monitoring", "AWS::CloudWatch::Dashboard")["DashboardBody"])
    titles = [widget["properties"]["title"].split(" (")[0] for widget in body["widgets"]]
    assert titles == ["Request latency", "Utilization", "Backlog", "Instances in service", "Cache", "Errors"]
    places = {(widget["x"], widget["y"]) for widget in body["widgets"]}
    assert len(places) == 6
    assert all(widget["properties"]["region"] == "us-west-2" for widget in body["widgets"])
