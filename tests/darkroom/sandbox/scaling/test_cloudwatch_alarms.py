"""Alarms, evaluated as the sandbox's time passes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def put_alarm(world: Any, name: str = "busy", **changes: Any) -> None:
    parameters: dict[str, Any] = {
        "AlarmName": name,
        "Namespace": "Test",
        "MetricName": "Backlog",
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }
    world.cloudwatch.put_metric_alarm(**{**parameters, **changes})


def make_topic(world: Any) -> tuple[str, Any]:
    """A topic, and a function that takes the messages that it has published."""
    arn = world.sns.create_topic(Name="alarms")["TopicArn"]
    sending = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = {"Policy": json.dumps({"Statement": [sending]})}
    queue = world.sqs.create_queue(QueueName="alarms", Attributes=policy)["QueueUrl"]
    attributes = world.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    world.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=attributes["QueueArn"])

    def take() -> list[Any]:
        messages = world.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            world.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    return arn, take


def test_a_new_alarm_has_insufficient_data(world: Any) -> None:
    put_alarm(world)
    assert world.alarm("busy")["StateValue"] == "INSUFFICIENT_DATA"


def test_an_alarm_alarms_after_its_periods_and_clears(world: Any) -> None:
    put_alarm(world)
    world.advance(60, {"Backlog": 5})
    assert world.alarm("busy")["StateValue"] == "INSUFFICIENT_DATA"
    world.advance(60, {"Backlog": 5})
    assert world.alarm("busy")["StateValue"] == "ALARM"
    world.advance(60, {"Backlog": 0})
    assert world.alarm("busy")["StateValue"] == "OK"


def test_the_reason_is_in_cloudwatchs_words(world: Any) -> None:
    put_alarm(world)
    world.advance(120, {"Backlog": 5})
    alarm = world.alarm("busy")
    assert alarm["StateReason"] == (
        "Threshold Crossed: 2 out of the last 2 datapoints "
        "[5.0 (17/03/30 18:01:00), 5.0 (17/03/30 18:00:00)] "
        "were greater than or equal to the threshold (1.0) "
        "(minimum 2 datapoints for INSUFFICIENT_DATA -> ALARM transition)."
    )
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [5.0, 5.0]


def test_updating_an_alarm_keeps_its_state(world: Any) -> None:
    put_alarm(world)
    world.advance(120, {"Backlog": 5})
    put_alarm(world, AlarmDescription="more words")
    assert world.alarm("busy")["StateValue"] == "ALARM"


def test_a_change_of_state_is_published_once_in_awss_form(world: Any) -> None:
    topic, take = make_topic(world)
    put_alarm(world, AlarmActions=[topic], OKActions=[topic], AlarmDescription="too much waits")
    world.advance(240, {"Backlog": 5})
    (notification,) = take()
    assert notification["Subject"] == 'ALARM: "busy" in Europe (Ireland)'
    message = json.loads(notification["Message"])
    assert message["NewStateValue"] == "ALARM"
    assert message["OldStateValue"] == "INSUFFICIENT_DATA"
    assert message["AlarmDescription"] == "too much waits"
    assert message["StateChangeTime"] == "2030-03-17T18:02:00.000+0000"
    assert message["Trigger"]["MetricName"] == "Backlog"
    assert message["Trigger"]["Statistic"] == "AVERAGE"
    world.advance(60, {"Backlog": 0})
    assert [json.loads(message["Message"])["NewStateValue"] for message in take()] == ["OK"]


def test_disabled_actions_are_not_run(world: Any) -> None:
    topic, take = make_topic(world)
    put_alarm(world, AlarmActions=[topic], ActionsEnabled=False)
    world.advance(120, {"Backlog": 5})
    assert world.alarm("busy")["StateValue"] == "ALARM"
    assert take() == []


def test_a_math_alarm_watches_its_expression(world: Any) -> None:
    def metric(name: str) -> dict[str, Any]:
        stat = {"Metric": {"Namespace": "Test", "MetricName": name}, "Period": 60, "Stat": "Sum"}
        return {"Id": name.lower(), "MetricStat": stat, "ReturnData": False}

    world.cloudwatch.put_metric_alarm(
        AlarmName="share",
        Metrics=[metric("Errors"), metric("Requests"), {"Id": "e1", "Expression": "errors / requests"}],
        EvaluationPeriods=1,
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
    )
    world.advance(60, {"Errors": 6, "Requests": 10})
    assert world.alarm("share")["StateValue"] == "ALARM"
    world.advance(60, {"Errors": 4, "Requests": 10})
    assert world.alarm("share")["StateValue"] == "OK"


def test_an_alarm_of_ten_seconds_is_evaluated_every_ten(world: Any) -> None:
    put_alarm(world, Period=10, EvaluationPeriods=1)
    world.put("Backlog", 5, StorageResolution=1)
    world.advance(10)
    assert world.alarm("busy")["StateValue"] == "ALARM"
    world.put("Backlog", 0, StorageResolution=1)
    world.advance(10)
    assert world.alarm("busy")["StateValue"] == "OK"


def test_set_alarm_state_acts_and_lasts_until_the_next_evaluation(world: Any) -> None:
    topic, take = make_topic(world)
    put_alarm(world, AlarmActions=[topic])
    world.advance(120, {"Backlog": 0})
    world.cloudwatch.set_alarm_state(AlarmName="busy", StateValue="ALARM", StateReason="a drill")
    assert len(take()) == 1
    assert world.alarm("busy")["StateReason"] == "a drill"
    world.advance(60, {"Backlog": 0})
    assert world.alarm("busy")["StateValue"] == "OK"


def test_history_tells_of_configuration_states_and_actions(world: Any) -> None:
    topic, _ = make_topic(world)
    put_alarm(world, AlarmActions=[topic])
    world.advance(120, {"Backlog": 5})
    items = world.cloudwatch.describe_alarm_history(AlarmName="busy")["AlarmHistoryItems"]
    assert [(item["HistoryItemType"], item["HistorySummary"]) for item in items] == [
        ("Action", f"Successfully executed action {topic}"),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        ("ConfigurationUpdate", 'Alarm "busy" created'),
    ]
    only = world.cloudwatch.describe_alarm_history(AlarmName="busy", HistoryItemType="StateUpdate")
    assert len(only["AlarmHistoryItems"]) == 1


def test_an_action_that_fails_is_told_in_the_history(world: Any) -> None:
    put_alarm(world, AlarmActions=["arn:aws:sns:eu-west-1:123456789012:gone"])
    world.advance(120, {"Backlog": 5})
    (action,) = world.cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert action["HistorySummary"].startswith("Failed to execute action arn:aws:sns:eu-west-1")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"EvaluateLowSampleCountPercentile": "ignore"}, "can't be played"),
        ({"DatapointsToAlarm": 3}, "between 1 and the evaluation periods"),
        ({"Period": 45}, "use 10, 20, 30 or a multiple of 60"),
    ],
)
def test_an_alarm_that_cannot_be_evaluated_is_refused(world: Any, change: Any, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        put_alarm(world, **change)
    assert world.cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_deleting_an_unknown_alarm_is_an_error(world: Any) -> None:
    with pytest.raises(ClientError, match="Unknown alarm: nobody"):
        world.cloudwatch.delete_alarms(AlarmNames=["nobody"])


def test_a_math_alarms_message_tells_its_queries(world: Any) -> None:
    topic, take = make_topic(world)
    stat = {"Metric": {"Namespace": "Test", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
    world.cloudwatch.put_metric_alarm(
        AlarmName="doubled",
        Metrics=[
            {"Id": "errors", "MetricStat": stat, "ReturnData": False},
            {"Id": "e1", "Expression": "errors * 2"},
        ],
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    world.advance(60, {"Errors": 1})
    (notification,) = take()
    metrics = json.loads(notification["Message"])["Trigger"]["Metrics"]
    assert [(query["Id"], query["ReturnData"]) for query in metrics] == [("errors", False), ("e1", True)]
    assert metrics[0]["MetricStat"]["Metric"]["MetricName"] == "Errors"
    assert metrics[1]["Expression"] == "errors * 2"


@pytest.mark.parametrize(
    ("treatment", "state", "reason"),
    [
        ("breaching", "ALARM", "2 missing datapoints were treated as [Breaching]."),
        ("notBreaching", "OK", "2 missing datapoints were treated as [NonBreaching]."),
    ],
)
def test_without_data_the_treatment_decides_and_the_reason_says_so(
    world: Any, treatment: str, state: str, reason: str
) -> None:
    put_alarm(world, TreatMissingData=treatment)
    world.advance(60)
    assert world.alarm("busy")["StateValue"] == state
    assert world.alarm("busy")["StateReason"].endswith(reason)


def test_an_alarm_whose_metric_falls_silent_has_insufficient_data_again(world: Any) -> None:
    put_alarm(world)
    world.advance(120, {"Backlog": 0})
    assert world.alarm("busy")["StateValue"] == "OK"
    world.advance(240)
    assert world.alarm("busy")["StateValue"] == "INSUFFICIENT_DATA"
    assert world.alarm("busy")["StateReason"] == "Insufficient Data: 4 datapoints were unknown."
