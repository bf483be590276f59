"""Events that a function gets without an answer: tried again, and buried when all is in vain."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.darkroom.sandbox.request_path.conftest import Aws
from tests.eventually import eventually


def test_an_event_is_answered_at_once_and_runs_later(aws: Aws, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    source = "import time, pathlib\ndef handler(e, c):\n    time.sleep(0.3)\n    pathlib.Path(e).touch()"
    aws.function("later", source)
    start = time.monotonic()
    _, response = aws.invoke("later", str(mark), InvocationType="Event")
    assert response["StatusCode"] == 202
    assert not mark.exists()
    eventually(mark.exists)
    assert time.monotonic() - start > 0.3


def test_a_dry_run_runs_nothing(aws: Aws) -> None:
    aws.function("dry", "def handler(e, c): print('ran')")
    _, response = aws.invoke("dry", {}, InvocationType="DryRun")
    assert response["StatusCode"] == 204
    assert aws.context.processes.living() == []


def test_a_failing_event_is_tried_three_times_and_then_put_into_the_dead_letter_queue(aws: Aws) -> None:
    aws.context.clock.speed = 400
    url, arn = aws.queue("dead")
    record, record_arn = aws.queue("records")
    source = "def handler(e, c):\n    print('try')\n    raise ValueError('never')"
    aws.function("fails", source, DeadLetterConfig={"TargetArn": arn})
    aws.client("lambda").put_function_event_invoke_config(
        FunctionName="fails", DestinationConfig={"OnFailure": {"Destination": record_arn}}
    )
    aws.invoke("fails", {"n": 7}, InvocationType="Event")
    (dead,) = eventually(lambda: aws.receive(url))
    assert json.loads(dead["Body"]) == {"n": 7}
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert attributes["ErrorMessage"] == "never"
    assert attributes["ErrorCode"] == "200"
    assert aws.log("/aws/lambda/fails").count("try") == 3
    (reported,) = eventually(lambda: aws.receive(record))
    body = json.loads(reported["Body"])
    assert body["requestContext"]["condition"] == "RetriesExhausted"
    assert body["requestContext"]["approximateInvokeCount"] == 3
    assert body["requestPayload"] == {"n": 7}
    assert body["responsePayload"]["errorType"] == "ValueError"


def test_duplicate_invocations_run_the_same_event_twice(aws: Aws) -> None:
    aws.context.faults.duplicate_invocations = True
    aws.function("twice", "def handler(e, c): print('ran', e, c.aws_request_id)")
    aws.invoke("twice", 5)

    def runs() -> list[str]:
        return [line for line in aws.log("/aws/lambda/twice") if line.startswith("ran 5")]

    first, second = eventually(lambda: runs() if len(runs()) == 2 else None)
    assert first == second


def test_an_event_of_a_deleted_function_is_not_tried_again(aws: Aws) -> None:
    aws.function("short-lived", "def handler(e, c):\n    print('try')\n    1/0")
    aws.invoke("short-lived", {}, InvocationType="Event")
    eventually(lambda: "try" in aws.log("/aws/lambda/short-lived"))
    aws.client("lambda").delete_function(FunctionName="short-lived")
    aws.context.clock.speed = 600
    time.sleep(0.5)
    assert aws.log("/aws/lambda/short-lived").count("try") == 1
    assert aws.context.processes.living() == []
