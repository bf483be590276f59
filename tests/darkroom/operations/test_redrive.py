"""The dead-letter queue is handed over in batches, each message deleted only once Lambda has it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from darkroom.cli import app
from darkroom.operations import redrive as room
from darkroom.operations.dead_letters import DeadLetter
from darkroom.operations.redrive import Place, RedriveError, redrive

SCHEDULED = json.dumps({"source": "aws.events", "resources": ["rule/demo-api-EveryMinute-1"], "detail": {}})


def finished(number: int) -> str:
    published = json.dumps({"inferenceId": f"{number:032x}.1", "invocationStatus": "Completed"})
    return json.dumps({"Records": [{"Sns": {"Message": published}}]})


class Functions:
    """Lambda as redrive calls it: remembers what it accepted, refuses what it is told to."""

    def __init__(self) -> None:
        self.accepted: list[tuple[str, Any]] = []
        self.room = 10**9

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803
        assert InvocationType == "Event"
        if len(self.accepted) >= self.room:
            raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "full"}}, "Invoke")
        self.accepted.append((FunctionName, json.loads(Payload)))


class Session:
    """A boto3 session whose Lambda is ours."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def client(self, service: str) -> Any:
        return self._functions if service == "lambda" else boto3.client(service, region_name="us-east-1")


class Queue:
    """The dead-letter queue, in moto."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.url = self.sqs.create_queue(QueueName="dead")["QueueUrl"]

    def put(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def size(self) -> tuple[int, int]:
        """Messages that are visible, and that somebody has in hand."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(room, "_WAIT_SECONDS", 0)
    with mock_aws():
        made = Queue()
        functions: dict[Any, str] = {"completion": "the-completion", "reconciliation": "the-reconciliation"}
        monkeypatch.setattr(room, "find_place", lambda *_: Place(made.url, functions))
        yield made


def run(functions: Functions, **options: bool) -> tuple[room.Tally, list[tuple[DeadLetter, str]]]:
    seen: list[tuple[DeadLetter, str]] = []
    tally = redrive("demo", lambda *said: seen.append(said), session=Session(functions), **options)
    return tally, seen


def test_every_message_goes_to_its_function_and_leaves_the_queue(queue: Queue) -> None:
    queue.put(*(finished(number) for number in range(25)), SCHEDULED, SCHEDULED, SCHEDULED)
    functions = Functions()
    tally, _ = run(functions)
    assert queue.size() == (0, 0)
    assert Counter(name for name, _ in functions.accepted) == {"the-completion": 25, "the-reconciliation": 1}
    events = [json.dumps(event) for name, event in functions.accepted if name == "the-completion"]
    assert sorted(events) == sorted(finished(number) for number in range(25))
    assert tally.counts == {"handed over": 26, "superseded": 2}
    assert tally.jobs == {f"{number:032x}" for number in range(25)}


def test_what_can_not_be_read_is_left_and_shown(queue: Queue) -> None:
    queue.put("a prompt that nobody may see", finished(1))
    functions = Functions()
    tally, seen = run(functions)
    assert queue.size() == (1, 0)
    assert tally.counts == {"handed over": 1, "left": 1}
    assert "prompt" not in "".join(str(letter) for letter, _ in seen)


def test_a_dry_run_changes_nothing(queue: Queue) -> None:
    queue.put(*(finished(number) for number in range(12)), "nonsense", SCHEDULED)
    functions = Functions()
    tally, seen = run(functions, dry_run=True)
    assert (functions.accepted, queue.size()) == ([], (14, 0))
    assert tally.counts == {"for completion": 12, "for reconciliation": 1, "unreadable": 1}
    assert len({letter.message_id for letter, _ in seen}) == 14


def test_a_purge_deletes_what_can_not_be_read_and_nothing_else(queue: Queue) -> None:
    queue.put(*(finished(number) for number in range(12)), "nonsense", SCHEDULED)
    functions = Functions()
    tally, _ = run(functions, purge=True)
    assert (functions.accepted, queue.size()) == ([], (13, 0))
    assert tally.counts == {"purged": 1, "left": 13}


def test_when_lambda_refuses_nothing_is_lost_and_the_next_run_goes_on(queue: Queue) -> None:
    queue.put(*(finished(number) for number in range(15)))
    functions = Functions()
    functions.room = 7
    with pytest.raises(RedriveError, match=r"after 7 messages.*full.*still in the queue"):
        run(functions)
    assert queue.size() == (8, 0)
    functions.room = 10**9
    run(functions)
    assert queue.size() == (0, 0)
    assert len({json.dumps(event) for _, event in functions.accepted}) == len(functions.accepted) == 15


def test_a_realtime_campaign_has_no_completion_and_its_letters_are_left(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "find_place", lambda *_: Place(queue.url, {"reconciliation": "r"}))
    queue.put(finished(1), SCHEDULED)
    tally, _ = run(Functions())
    assert tally.counts == {"left": 1, "handed over": 1}


def test_the_command_asks_before_it_purges(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    queue.put("nonsense")
    refused = CliRunner().invoke(app, ["redrive", "demo", "--purge"], input="n\n")
    assert refused.exit_code == 1
    assert queue.size() == (1, 0)
    done = CliRunner().invoke(app, ["redrive", "demo", "--purge"], input="y\n")
    assert "1 messages about 0 jobs: 1 purged." in done.output
    assert queue.size() == (0, 0)
    assert "empty" in CliRunner().invoke(app, ["redrive", "demo"]).output


def test_the_command_says_so_when_there_is_no_such_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        said = CliRunner().invoke(app, ["redrive", "nowhere"])
    assert said.exit_code == 1
    assert "nowhere-api" in said.output
    assert "Is the campaign deployed" in said.output


class QueueInMemory:
    """As much of SQS as redrive calls; moto takes time by the square of a queue's length."""

    def __init__(self, bodies: list[str]) -> None:
        self.visible = dict(enumerate(bodies))
        self.in_hand: dict[int, str] = {}

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        taken = list(self.visible)[: asked["MaxNumberOfMessages"]]
        self.in_hand |= {number: self.visible.pop(number) for number in taken}
        return {
            "Messages": [
                {"MessageId": str(one), "ReceiptHandle": str(one), "Body": self.in_hand[one]} for one in taken
            ]
        }

    def delete_message_batch(self, **asked: Any) -> dict[str, Any]:
        assert len(asked["Entries"]) <= 10
        for entry in asked["Entries"]:
            del self.in_hand[int(entry["ReceiptHandle"])]
        return {}

    def change_message_visibility_batch(self, **asked: Any) -> dict[str, Any]:
        assert len(asked["Entries"]) <= 10
        for entry in asked["Entries"]:
            number = int(entry["ReceiptHandle"])
            self.visible[number] = self.in_hand.pop(number)
        return {}


def test_ten_thousand_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [finished(number) for number in range(9_000)] + [SCHEDULED] * 900 + ["nonsense"] * 100
    functions, queue = Functions(), QueueInMemory(bodies)
    session = Session(functions)
    monkeypatch.setattr(session, "client", lambda name: functions if name == "lambda" else queue)
    kinds: dict[Any, str] = {"completion": "c", "reconciliation": "r"}
    monkeypatch.setattr(room, "find_place", lambda *_: Place("url", kinds))
    tally = redrive("demo", lambda *_: None, session=session)
    assert tally.counts == {"handed over": 9_001, "superseded": 899, "left": 100}
    assert (len(queue.visible), queue.in_hand) == (100, {})
