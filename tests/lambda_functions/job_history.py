"""What became of every job, written down at the table itself, whatever the functions come to know of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

# What a job that no picture came of says of it.
REASON = re.compile(
    r"(Given up after 3 attempts\. )?The (model|backend|function|model's endpoint) [a-z' ]+"
    r"(\(\d{3}\))?(: .+)?\."
    r"|The model refused the request: .+"
)


class Timed(Protocol):
    """What knows the time."""

    @property
    def now(self) -> float:
        """Seconds since the epoch."""


@dataclass
class Asking:
    """From a job's claim to its end."""

    since: float
    until: float | None = None
    state: str = ""
    reason: str = ""


@dataclass
class Life:
    """A job over all of the run.

    Attributes:
        begun: when each attempt began.
        done_at: when its picture was noted; None again once it is asked for anew after it expired.
    """

    askings: list[Asking] = field(default_factory=list)
    begun: dict[int, float] = field(default_factory=dict)
    done_at: float | None = None
    times_done: int = 0
    writes: list[str] = field(default_factory=list)


class JobHistory:
    """Watches the writes of the table and of the payloads, or is told of them.

    Attributes:
        wrong: what may not be. Not raised: the functions would take it for an error of AWS's.
    """

    def __init__(self, world: Timed) -> None:
        self._world = world
        self.lives: dict[str, Life] = {}
        self.ids: set[str] = set()
        self.payloads: dict[str, bytes] = {}
        self.wrong: list[str] = []

    @property
    def open(self) -> list[str]:
        """Jobs that somebody waits for."""
        return [job_id for job_id, life in self.lives.items() if life.askings[-1].until is None]

    def accepted(self, job_id: str) -> None:
        """A client was told that it will be drawn, or is."""
        self.ids.add(job_id)

    def watch(self, dynamodb: Any) -> Any:
        """``dynamodb``, its writes written down."""
        return _Watched(dynamodb, {"put_item": self._claimed, "update_item": self._updated})

    def watch_payloads(self, s3: Any) -> Any:
        """``s3``, its payloads written down; one may not be overwritten by another."""
        return _Watched(s3, {"put_object": self._stored})

    def must(self, holds: bool, otherwise: str) -> None:
        """Write down ``otherwise`` where that does not hold."""
        if not holds:
            self.wrong.append(f"{self._world.now:.3f}: {otherwise}")

    def _stored(self, parameters: Any, _answer: Any) -> None:
        if parameters["Bucket"] == "demo-payloads":
            before = self.payloads.setdefault(parameters["Key"], parameters["Body"])
            self.must(before == parameters["Body"], f"{parameters['Key']} is overwritten")

    def _claimed(self, parameters: Any, _answer: Any) -> None:
        self.claimed(parameters["Item"])

    def _updated(self, _parameters: Any, answer: Any) -> None:
        self.updated(answer["Attributes"])

    def claimed(self, item: Mapping[str, Any]) -> None:
        """A job is asked for, or asked for anew: its row is put in place of the one that was there."""
        life = self.lives.setdefault(item["job_id"]["S"], Life())
        self.must(not life.askings or life.askings[-1].until is not None, "an open job is claimed")
        life.askings.append(Asking(self._world.now))
        life.done_at = None
        self._begun(life, int(item["attempt"]["N"]))

    def updated(self, row: Mapping[str, Any]) -> None:
        """A row was changed and is like this now."""
        life = self.lives[row["job_id"]["S"]]
        asking, state = life.askings[-1], row["state"]["S"]
        shown = {name: value["N"] for name, value in row.items() if name in ("attempt", "drawing_until")}
        life.writes.append(f"{self._world.now - asking.since:.1f} {state} {shown}")
        if state == "submitting":
            self._begun(life, int(row["attempt"]["N"]))
        if state not in ("done", "failed"):
            self.must(asking.until is None, "a job that has ended is open again without being asked for")
            return
        if state == "done":
            self.must(life.done_at is None, "a job is done twice")
            life.done_at = self._world.now
            life.times_done += 1
        asking.until = asking.until or self._world.now
        asking.state = state
        asking.reason = row.get("reason", {}).get("S", "")

    def _begun(self, life: Life, attempt: int) -> None:
        self.must(attempt not in life.begun, "an attempt begins twice")
        self.must(not life.begun or attempt > max(life.begun), "attempts grow")
        self.must(life.done_at is None, "an attempt begins after success")
        life.begun[attempt] = self._world.now


class _Watched:
    def __init__(self, client: Any, watched: dict[str, Callable[[Any, Any], None]]) -> None:
        self._client = client
        self._watched = watched

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        watch = self._watched.get(name)
        if watch is None:
            return operation

        def watching(**parameters: Any) -> Any:
            answer = operation(**parameters)
            watch(parameters, answer)
            return answer

        return watching
