"""Composite alarms: their rules, their actions and what suppresses those."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from darkroom.sandbox.cloudwatch.alarm_rule import holds, parse_rule
from tests.darkroom.sandbox.scaling.test_cloudwatch_alarms import make_topic, put_alarm

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA", "with space": "ALARM"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ALARM(a)", True),
        ("ALARM(b)", False),
        ("OK(b) AND INSUFFICIENT_DATA(c)", True),
        ("NOT ALARM(a)", False),
        ("NOT (ALARM(a) AND OK(a))", True),
        ('ALARM("with space")', True),
        ("ALARM(arn:aws:cloudwatch:eu-west-1:1:alarm:a)", True),
        ("TRUE OR FALSE AND FALSE", True),
        ("(TRUE OR FALSE) AND FALSE", False),
        ("ALARM(gone) OR OK(gone)", False),
        ("ALARM ( a ) AND\nTRUE", True),
    ],
)
def test_a_rule_is_evaluated_as_it_reads(rule: str, expected: bool) -> None:
    assert holds(parse_rule(rule), STATES) is expected


@pytest.mark.parametrize(
    "rule",
    ["", "ALARM", "ALARM(a", "a", "ALARM(a) OK(b)", "AND", "NOT", "AT_LEAST(1, ALARM, (a))", "ALARM(a))"],
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="the rule"):
        parse_rule(rule)


def _rules() -> st.SearchStrategy[tuple[str, bool]]:
    """A rule and what Python makes of it."""
    leaves = st.sampled_from(
        [("ALARM(a)", True), ("ALARM(b)", False), ("OK(b)", True), ("TRUE", True), ("FALSE", False)]
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(lambda one: (f"NOT ({one[0]})", not one[1])),
            st.tuples(inner, inner).map(
                lambda two: (f"({two[0][0]}) AND ({two[1][0]})", two[0][1] and two[1][1])
            ),
            st.tuples(inner, inner).map(
                lambda two: (f"({two[0][0]}) OR ({two[1][0]})", two[0][1] or two[1][1])
            ),
        ),
    )


@given(_rules())
def test_rules_nest(rule: tuple[str, bool]) -> None:
    assert holds(parse_rule(rule[0]), STATES) is rule[1]


def put_composite(world: Any, **changes: Any) -> None:
    given: dict[str, Any] = {"AlarmName": "person", "AlarmRule": "ALARM(busy) OR ALARM(other)"}
    world.cloudwatch.put_composite_alarm(**{**given, **changes})


def composite(world: Any, name: str = "person") -> Any:
    answer = world.cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    return answer["CompositeAlarms"][0]


@pytest.fixture
def children(world: Any) -> Any:
    put_alarm(world)
    put_alarm(world, "other", MetricName="Other", EvaluationPeriods=1)
    put_alarm(world, "paused", MetricName="Paused", EvaluationPeriods=1, TreatMissingData="notBreaching")
    return world


def test_a_composite_alarm_follows_its_children_and_tells_once(children: Any) -> None:
    topic, take = make_topic(children)
    put_composite(children, AlarmActions=[topic], OKActions=[topic])
    assert composite(children)["StateValue"] == "INSUFFICIENT_DATA"
    children.advance(60, {"Backlog": 0, "Other": 0})
    assert composite(children)["StateValue"] == "OK"
    take()
    children.advance(60, {"Backlog": 0, "Other": 5})
    children.advance(120, {"Backlog": 5, "Other": 5})
    (told,) = take()
    message = json.loads(told["Message"])
    assert (message["AlarmName"], message["NewStateValue"]) == ("person", "ALARM")
    assert message["AlarmRule"] == "ALARM(busy) OR ALARM(other)"
    assert "other" in composite(children)["StateReason"] or "busy" in composite(children)["StateReason"]
    children.advance(120, {"Backlog": 0, "Other": 0})
    assert [json.loads(one["Message"])["NewStateValue"] for one in take()] == ["OK"]


def test_a_composite_over_a_composite_follows_in_the_same_evaluation(children: Any) -> None:
    put_composite(children)
    put_composite(children, AlarmName="above", AlarmRule="ALARM(person)")
    children.advance(60, {"Backlog": 0, "Other": 5})
    assert [composite(children, name)["StateValue"] for name in ("person", "above")] == ["ALARM", "ALARM"]


def test_nobody_is_told_while_the_suppressor_alarms_and_is_when_it_has_gone(children: Any) -> None:
    topic, take = make_topic(children)
    put_composite(
        children,
        AlarmActions=[topic],
        ActionsSuppressor="paused",
        ActionsSuppressorWaitPeriod=120,
        ActionsSuppressorExtensionPeriod=180,
    )
    children.advance(120, {"Backlog": 0, "Other": 0, "Paused": 0})
    children.advance(60, {"Other": 5, "Paused": 1})
    children.advance(300, {"Other": 5, "Paused": 1})
    assert (composite(children)["StateValue"], composite(children)["ActionsSuppressedBy"]) == (
        "ALARM",
        "Alarm",
    )
    assert take() == []
    children.advance(120, {"Other": 5, "Paused": 0})
    assert composite(children)["ActionsSuppressedBy"] == "ExtensionPeriod"
    assert take() == []
    children.advance(180, {"Other": 5, "Paused": 0})
    assert len(take()) == 1


def test_without_a_suppressor_in_alarm_the_wait_period_passes_first(children: Any) -> None:
    topic, take = make_topic(children)
    put_composite(
        children,
        AlarmActions=[topic],
        ActionsSuppressor="paused",
        ActionsSuppressorWaitPeriod=120,
        ActionsSuppressorExtensionPeriod=60,
    )
    children.advance(60, {"Other": 5})
    assert composite(children)["ActionsSuppressedBy"] == "WaitPeriod"
    assert take() == []
    children.advance(120, {"Other": 5})
    assert len(take()) == 1


def test_a_composite_needs_its_alarms_and_a_rule_that_reads(children: Any) -> None:
    for wrong in ("ALARM(nobody)", "ALARM(person)", "busy"):
        with pytest.raises(ClientError, match="ValidationError"):
            put_composite(children, AlarmRule=wrong)
    listed = children.cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])
    assert listed["CompositeAlarms"] == []


def test_a_composite_alarm_is_described_as_it_was_put(children: Any) -> None:
    put_composite(
        children,
        AlarmDescription="what it is about",
        ActionsSuppressor="paused",
        ActionsSuppressorWaitPeriod=60,
        ActionsSuppressorExtensionPeriod=90,
    )
    described = composite(children)
    assert {name: described[name] for name in ("AlarmName", "AlarmRule", "AlarmDescription")} == {
        "AlarmName": "person",
        "AlarmRule": "ALARM(busy) OR ALARM(other)",
        "AlarmDescription": "what it is about",
    }
    assert described["AlarmArn"].endswith(":alarm:person")
    assert (described["ActionsSuppressor"], described["ActionsSuppressorExtensionPeriod"]) == ("paused", 90)
    assert described["StateUpdatedTimestamp"] is not None


def test_describe_alarms_gives_metric_alarms_unless_asked_for_composites(children: Any) -> None:
    put_composite(children)
    assert children.cloudwatch.describe_alarms()["CompositeAlarms"] == []
    both = children.cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert [len(both["MetricAlarms"]), len(both["CompositeAlarms"])] == [3, 1]
    children.cloudwatch.delete_alarms(AlarmNames=["person"])
    assert children.cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"] == []
