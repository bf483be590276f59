"""What wakes somebody, and what they look at."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from darkroom.autoscaling.metric_math import Value, evaluate_series
from darkroom.autoscaling.series import TimeSeries
from tests.stacks.synthesized import Synth, Synthesized

ALARM = "AWS::CloudWatch::Alarm"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"


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
            "paused",
        )
    }


def _rule(composite: dict[str, Any]) -> set[str]:
    """The logical ids of the alarms in a composite alarm's rule."""
    return {part["Ref"] for part in composite["AlarmRule"]["Fn::Join"][1] if isinstance(part, dict)}


@pytest.mark.parametrize("campaign", ["national-launch", "demo"])
def test_every_alarm_tells_the_operations_topic_itself_or_through_one_composite(
    campaign: str, synth: Synth
) -> None:
    synthesized = synth(campaign)
    (topic,) = synthesized.resources("monitoring", "AWS::SNS::Topic")
    composites = [each["Properties"] for each in synthesized.resources("monitoring", COMPOSITE).values()]
    grouped = [logical for composite in composites for logical in _rule(composite)]
    for composite in composites:
        assert composite["AlarmActions"] == composite["OKActions"] == [{"Ref": topic}]
        assert composite["ActionsSuppressor"] == {"Ref": "Paused"}
    for logical, alarm in synthesized.resources("monitoring", ALARM).items():
        tells = "AlarmActions" in alarm["Properties"]
        assert grouped.count(logical) + tells == (0 if logical == "Paused" else 1), logical
        if tells:
            assert alarm["Properties"]["AlarmActions"] == alarm["Properties"]["OKActions"] == [{"Ref": topic}]
        assert alarm["Properties"]["TreatMissingData"] == "notBreaching"


def test_requests_that_fail_and_requests_that_wait_do_not_hide_each_other(launch: Synthesized) -> None:
    composites = launch.resources("monitoring", COMPOSITE)
    rules = {each["Properties"]["AlarmName"]: _rule(each["Properties"]) for each in composites.values()}
    assert rules == {
        "national-launch-requests-failing": {"JobsFailed", "Api5xx", "InvocationsFailed"},
        "national-launch-requests-waiting": {"BacklogAge", "NoCapacity"},
    }


_RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


@pytest.mark.parametrize("campaign", ["national-launch", "storefront"])  # asynchronous, realtime
def test_every_alarm_names_its_entry_of_the_runbook(campaign: str, synth: Synth) -> None:
    synthesized = synth(campaign)
    runbook = _RUNBOOK.read_text(encoding="utf-8")
    for kind in (ALARM, COMPOSITE):
        for alarm in synthesized.resources("monitoring", kind).values():
            name = alarm["Properties"]["AlarmName"].removeprefix(f"{campaign}-")
            assert alarm["Properties"]["AlarmDescription"].endswith(f" Runbook: docs/operations.md#{name}")
            assert f"### {name}\n" in runbook, f"{name} has no entry"


def test_the_alarms_may_publish_to_the_topic_though_its_policy_is_its_own(launch: Synthesized) -> None:
    statements = launch.only("monitoring", "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    cloudwatch = {"Service": "cloudwatch.amazonaws.com"}
    (allowed,) = [each for each in statements if each["Principal"] == cloudwatch]
    assert (allowed["Effect"], allowed["Action"]) == ("Allow", "sns:Publish")
    (alarms,) = allowed["Condition"]["ArnLike"]["aws:SourceArn"]
    resources = launch.resources("monitoring", ALARM) | launch.resources("monitoring", COMPOSITE)
    for alarm in resources.values():
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
    graphs = {widget["properties"].get("title"): widget["properties"] for widget in body["widgets"]}
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


def _widgets(synthesized: Synthesized) -> list[dict[str, Any]]:
    body = json.loads(synthesized.only("monitoring", "AWS::CloudWatch::Dashboard")["DashboardBody"])
    widgets: list[dict[str, Any]] = body["widgets"]
    return widgets


def test_the_dashboard_begins_with_what_is_read_in_ten_seconds(launch: Synthesized) -> None:
    widgets = _widgets(launch)
    titles = [str(widget["properties"].get("title", widget["type"])).split(" (")[0] for widget in widgets]
    assert titles == [
        "Healthy?", "People wait", "Waiting now", "Instances", "This hour", "text",
        "Request latency", "Utilization", "Backlog", "Instances in service", "Requests by stage",
        "Seconds by stage", "Cache", "Errors",
    ]  # fmt: skip
    lights = widgets[0]["properties"]["alarms"]
    prefix = "arn:aws:cloudwatch:us-west-2:111122223333:alarm:national-launch-"
    alarms = {each["Properties"]["AlarmName"] for each in launch.resources("monitoring", ALARM).values()}
    assert {light.removeprefix(prefix) for light in lights} == {
        name.removeprefix("national-launch-") for name in alarms
    } - {"paused"}


def test_no_widget_lies_on_another_and_all_are_of_the_region(launch: Synthesized) -> None:
    cells = set()
    for widget in _widgets(launch):
        assert widget["x"] + widget["width"] <= 24
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                assert (x, y) not in cells
                cells.add((x, y))
        if widget["type"] == "metric":
            assert widget["properties"]["region"] == "us-west-2"


def test_the_fleets_price_is_shown_by_the_hour(launch: Synthesized) -> None:
    (instances,) = [
        each["properties"] for each in _widgets(launch) if each["properties"].get("title") == "Instances"
    ]
    known: dict[str, Value] = {"n": TimeSeries((3.0,), 60)}
    for row in instances["metrics"]:
        if len(row) == 1:
            known[row[0]["id"]] = evaluate_series(row[0]["expression"], known)
    dollars = known["dollars"]
    assert isinstance(dollars, TimeSeries)
    # Three ml.inf2.48xlarge, by the shipped price file.
    assert dollars.latest() == pytest.approx(3 * 15.58)
