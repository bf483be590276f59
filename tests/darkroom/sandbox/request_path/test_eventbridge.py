from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.darkroom.sandbox.request_path.conftest import Aws
from tests.darkroom.sandbox.request_path.test_sns import PRINT, events
from tests.eventually import eventually


def rule(aws: Aws, function: str, schedule: str, *, permitted: bool = True, **more: Any) -> dict[str, Any]:
    """Make a rule that invokes ``function``; its properties."""
    target = {"Arn": function, "Id": "Target0", **more.pop("target", {})}
    properties = {"ScheduleExpression": schedule, "State": "ENABLED", "Targets": [target], **more}
    made = aws.create("AWS::Events::Rule", properties)
    if permitted:
        permission = {
            "Action": "lambda:InvokeFunction",
            "FunctionName": function,
            "Principal": "events.amazonaws.com",
            "SourceArn": made.attributes["Arn"],
        }
        aws.create("AWS::Lambda::Permission", permission)
    return properties | {"Name": made.physical_id}


def test_a_rate_fires_by_the_sandboxs_clock(aws: Aws) -> None:
    aws.context.clock.speed = 240
    function = aws.function("tick", PRINT)
    rule(aws, function, "rate(2 minutes)")
    fired = eventually(lambda: found if len(found := events(aws, "tick")) >= 3 else None)
    times = [datetime.fromisoformat(event["time"]).astimezone(UTC) for event in fired]
    assert (times[1] - times[0]).total_seconds() % 120 == 0
    assert fired[0]["source"] == "aws.events"
    assert fired[0]["detail-type"] == "Scheduled Event"
    assert fired[0]["detail"] == {}


def test_constant_input_is_what_the_target_gets(aws: Aws) -> None:
    aws.context.clock.speed = 240
    function = aws.function("tick", PRINT)
    rule(aws, function, "cron(* * * * ? *)", target={"Input": json.dumps({"job": "reconcile"})})
    assert eventually(lambda: events(aws, "tick"))[0] == {"job": "reconcile"}


def test_a_disabled_rule_does_not_fire(aws: Aws) -> None:
    aws.context.clock.speed = 600
    function = aws.function("tick", PRINT)
    rule(aws, function, "rate(1 minute)", State="DISABLED")
    rule(aws, aws.function("tock", PRINT), "rate(1 minute)")
    eventually(lambda: len(events(aws, "tock")) >= 3)
    assert events(aws, "tick") == []


def test_a_slow_function_has_one_scheduled_invocation_at_a_time(aws: Aws) -> None:
    aws.context.clock.speed = 600
    source = "import time\ndef handler(event, context):\n    time.sleep(0.5)\n    print('ran')"
    function = aws.function("slow", source)
    rule(aws, function, "rate(1 minute)")
    time.sleep(2.0)
    aws.context.clock.speed = 1
    time.sleep(0.7)
    assert 1 <= aws.log("/aws/lambda/slow").count("ran") <= 5


def test_without_permission_nothing_runs_and_the_dead_letter_queue_says_why(aws: Aws) -> None:
    aws.context.clock.speed = 240
    url, queue = aws.queue("dead", lets="events.amazonaws.com")
    function = aws.function("closed", PRINT)
    rule(aws, function, "rate(1 minute)", permitted=False, target={"DeadLetterConfig": {"Arn": queue}})
    message = eventually(lambda: aws.receive(url))[0]
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert events(aws, "closed") == []


def test_a_bad_schedule_is_refused_when_the_rule_is_made(aws: Aws) -> None:
    function = aws.function("tick", PRINT)
    with pytest.raises(ValueError, match="cron"):
        rule(aws, function, "every now and then")


def test_a_rule_is_updated_and_deleted_with_its_targets(aws: Aws) -> None:
    function = aws.function("tick", PRINT)
    other = aws.function("tock", PRINT)
    before = {
        "ScheduleExpression": "rate(5 minutes)",
        "Targets": [{"Arn": function, "Id": "a"}, {"Arn": other, "Id": "b"}],
    }
    made = aws.create("AWS::Events::Rule", before)
    after = {"ScheduleExpression": "rate(10 minutes)", "Targets": [{"Arn": other, "Id": "b"}]}
    aws.update("AWS::Events::Rule", made, before, after)
    client = aws.client("events")
    assert client.describe_rule(Name=made.physical_id)["ScheduleExpression"] == "rate(10 minutes)"
    targets = client.list_targets_by_rule(Rule=made.physical_id)["Targets"]
    assert [target["Id"] for target in targets] == ["b"]
    aws.delete("AWS::Events::Rule", made, after)
    assert client.list_rules()["Rules"] == []
