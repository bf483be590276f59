"""The queue of a realtime campaign in virtual time, and the mapping that gives its notes to the function."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.lambda_functions.virtual_time import World

VISIBILITY_SECONDS = 720.0
RETENTION_SECONDS = 600.0
CONCURRENCY = 8

Ended = Callable[[Any, BaseException | None], None]


@dataclass(eq=False)
class Note:
    body: str
    sent: float
    visible_at: float
    deliveries: int = 0
    receipts: list[str] = field(default_factory=list)


class SimulatedQueue:
    """SQS: delivers at least once, sometimes twice at a time; what failed comes again when it is visible.

    Args:
        invoke: runs the function on an event.
        doubled: of each delivery, that there is another at the same time.
    """

    def __init__(
        self, world: World, invoke: Callable[[Any, Ended], None], seed: int, doubled: float = 0.02
    ) -> None:
        self._world = world
        self._invoke = invoke
        self._doubled = doubled
        self._random = random.Random(seed)  # noqa: S311 - not a secret
        self._notes: list[Note] = []
        self._under_way = 0
        self._count = 0
        self._polls_at: float | None = None

    def send_message(self, **asked: Any) -> dict[str, str]:
        self._notes.append(Note(asked["MessageBody"], self._world.now, self._world.now))
        self._poll_by(self._world.now + 0.1)
        return {"MessageId": "m"}

    def change_message_visibility(self, **asked: Any) -> dict[str, str]:
        for note in self._notes:
            if note.receipts and note.receipts[-1] == asked["ReceiptHandle"]:
                note.visible_at = self._world.now + asked["VisibilityTimeout"]
                self._poll_by(note.visible_at)
        return {}

    def _poll_by(self, moment: float) -> None:
        """Look at the queue at ``moment``, if that is not to come sooner anyway."""
        if self._polls_at is None or moment < self._polls_at:
            self._polls_at = moment
            self._world.at(moment, lambda: self._poll(moment))

    def _poll(self, moment: float) -> None:
        if self._polls_at != moment:
            return
        self._polls_at = None
        now = self._world.now
        self._notes = [note for note in self._notes if now - note.sent < RETENTION_SECONDS]
        for note in self._notes:
            if note.visible_at > now:
                self._poll_by(note.visible_at)
            elif self._under_way >= CONCURRENCY:
                return  # the next to end looks again
            else:
                self._deliver(note)
                if self._random.random() < self._doubled:
                    self._deliver(note)

    def _deliver(self, note: Note) -> None:
        self._count += 1
        self._under_way += 1
        note.deliveries += 1
        note.visible_at = self._world.now + VISIBILITY_SECONDS
        note.receipts.append(f"receipt-{self._count}")
        self._poll_by(note.visible_at)
        record = {
            "messageId": f"{id(note)}",
            "receiptHandle": note.receipts[-1],
            "body": note.body,
            "attributes": {"ApproximateReceiveCount": str(note.deliveries)},
        }

        def ended(answer: Any, error: BaseException | None) -> None:
            self._under_way -= 1
            if error is None and not answer["batchItemFailures"]:
                self._notes = [one for one in self._notes if one is not note]
            self._poll_by(self._world.now)

        self._invoke({"Records": [record]}, ended)
