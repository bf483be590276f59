"""`darkroom redrive`: what lies in the dead-letter queue is handed to its function again.

The functions are idempotent: a message that was taken in meanwhile, by reconciliation or by another run of
this, changes nothing. One is deleted only after Lambda has accepted its event, so that a run that dies loses
nothing; the worst is a message handed over twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.exceptions

from darkroom.deployed import physical_ids, read_resources
from darkroom.operations.dead_letters import DeadLetter, Function, read

Told = Callable[[DeadLetter, str], None]

# What a run has in hand is invisible to others for so long; it is given back at the end.
_IN_HAND_SECONDS = 600
_BATCH = 10
_WAIT_SECONDS = 1
# A standard queue may answer an empty batch though it holds messages: it asks some of its hosts.
_EMPTY_ANSWERS = 2


class RedriveError(Exception):
    """The queue can't be worked through; the text says why, and nothing is lost."""


# What the functions' logical ids begin with.
_LOGICAL: dict[Function, str] = {
    "completion": "CompletionFunction",
    "reconciliation": "ReconciliationFunction",
    "api-keys": "ApiKeysCleanupFunction",
}


@dataclass(frozen=True)
class Place:
    """A campaign's dead-letter queue, and the functions by what they are for."""

    queue_url: str
    functions: dict[Function, str]


@dataclass
class Tally:
    """What became of the messages: handed over, superseded (by one that covers them), left, purged."""

    counts: Counter[str] = field(default_factory=Counter)
    jobs: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        """Messages seen."""
        return self.counts.total()


def find_place(campaign: str, session: Any) -> Place:
    """Where the dead letters of a deployed campaign are, and who takes them.

    Raises:
        NotDeployedError: there is no such campaign where the session looks.
    """
    resources = read_resources(f"{campaign}-api", session)
    [queue] = physical_ids(resources, "AWS::SQS::Queue", "DeadLetters")
    functions = {
        kind: function
        for kind, logical in _LOGICAL.items()
        for function in physical_ids(resources, "AWS::Lambda::Function", logical)
    }
    return Place(queue, functions)


def redrive(
    campaign: str, tell: Told, *, dry_run: bool = False, purge: bool = False, session: Any = None
) -> Tally:
    """Hand every message of the campaign's dead-letter queue to its function.

    What can't be read is left in the queue, or with ``purge`` deleted, and nothing else is done then. A call
    of reconciliation is like any other: of many, one is made.

    Args:
        tell: called with each message and what became of it.
        dry_run: only tell; the queue is left as it is.

    Raises:
        NotDeployedError: there is no such campaign.
        RedriveError: AWS refused; what was not yet handed over is still in the queue.
    """
    session = session or boto3.Session()
    place = find_place(campaign, session)
    run = _Run(place, session.client("sqs"), session.client("lambda"), tell)
    try:
        run.work(_look if dry_run else _purge if purge else _hand_over)
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        raise RedriveError(
            f"stopped after {run.tally.total} messages: {error}. The others are still in the queue."
        ) from error
    finally:
        run.give_back()
    return run.tally


class _Run:
    def __init__(self, place: Place, sqs: Any, functions: Any, tell: Told) -> None:
        self.place = place
        self.tally = Tally()
        self.scheduled: set[Function] = set()
        self._sqs = sqs
        self._lambda = functions
        self._tell = tell
        self._kept: list[str] = []

    def work(self, act: Callable[[_Run, DeadLetter], tuple[str, bool]]) -> None:
        """Do ``act`` to every message once: it says what became of it, and whether that is to be deleted."""
        for batch in self._batches():
            finished: list[str] = []
            try:
                for letter in batch:
                    said, is_finished = act(self, letter)
                    if is_finished:
                        finished.append(letter.receipt)
                    self.tally.counts[said] += 1
                    self.tally.jobs.update(letter.jobs)
                    self._tell(letter, said)
            finally:
                # Those that it did not come to are given back, too.
                self._kept += [one.receipt for one in batch if one.receipt not in finished]
                self._delete(finished)

    def invoke(self, function: Function, event: Any) -> None:
        """Queue ``event`` for ``function``."""
        self._lambda.invoke(
            FunctionName=self.place.functions[function],
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )

    def give_back(self) -> None:
        """Let others see what this run leaves in the queue."""
        for start in range(0, len(self._kept), _BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(self._kept[start : start + _BATCH])
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self.place.queue_url, Entries=entries)

    def _batches(self) -> Iterator[list[DeadLetter]]:
        empty, seen = 0, set[str]()
        while empty < _EMPTY_ANSWERS:
            answer = self._sqs.receive_message(
                QueueUrl=self.place.queue_url,
                MaxNumberOfMessages=_BATCH,
                WaitTimeSeconds=_WAIT_SECONDS,
                VisibilityTimeout=_IN_HAND_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp"],
                MessageAttributeNames=["All"],
            )
            letters = [read(message) for message in answer.get("Messages", [])]
            fresh = [letter for letter in letters if letter.message_id not in seen]
            seen.update(letter.message_id for letter in fresh)
            empty = 0 if fresh else empty + 1
            if fresh:
                yield fresh

    def _delete(self, receipts: list[str]) -> None:
        if not receipts:
            return
        entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)]
        answer = self._sqs.delete_message_batch(QueueUrl=self.place.queue_url, Entries=entries)
        if answer.get("Failed"):
            # Handed over and still there: handing them over again does no harm.
            self._kept += [receipts[int(one["Id"])] for one in answer["Failed"]]


def _look(_run: _Run, letter: DeadLetter) -> tuple[str, bool]:
    return ("unreadable" if letter.function is None else f"for {letter.function}"), False


def _purge(_run: _Run, letter: DeadLetter) -> tuple[str, bool]:
    return ("purged", True) if letter.function is None else ("left", False)


def _hand_over(run: _Run, letter: DeadLetter) -> tuple[str, bool]:
    if letter.function is None or letter.function not in run.place.functions:
        return "left", False
    if letter.kind == "schedule":
        if letter.function in run.scheduled:
            return "superseded", True
        run.scheduled.add(letter.function)
    run.invoke(letter.function, letter.event)
    return "handed over", True
