"""An open-loop client: it asks when a request is due, whether or not those before it are answered.

Latency counts from when a request was due, not from when it was sent, so a client or a service that falls
behind is seen in the figures and not left out of them (coordinated omission). When a picture was ready, the
job's own document says to the millisecond: how often it is looked at changes no figure.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2

from darkroom.operations.load.arrivals import Arrival
from darkroom.operations.load.authorization import Authorize

_CONNECTIONS = 256
_TIMEOUT_SECONDS = 35.0  # API Gateway hangs up after 29
_LONGEST_PAUSE = 30.0
_FIRST_PAUSE = 5.0

Told = Callable[["Progress"], None]


@dataclass
class Asked:
    """What became of one request; wall seconds since the run began.

    Attributes:
        due, sent, answered: when it was to be made, was made, and was answered.
        status: HTTP status; None where there was no answer.
        cache: hit, coalesced or miss.
        ready: when its picture was there, by the service's clock brought to the client's.
        error: why there is no picture.
    """

    due: float
    sent: float = 0.0
    answered: float | None = None
    status: int | None = None
    cache: str | None = None
    job_id: str | None = None
    ready: float | None = None
    error: str | None = None


@dataclass
class Progress:
    """Where a run is."""

    asked: int = 0
    answered: int = 0
    waiting: int = 0


@dataclass
class LoadRun:
    """One run.

    Attributes:
        url: the API's base URL.
        pace: seconds of the campaign's clock in one of the wall's; a local AWS's may be quicker.
        patience: seconds of the campaign's clock that a picture is waited for after the last request.
        looks_per_second: at most so many GETs, whatever waits.
    """

    url: str
    authorize: Authorize
    pace: float = 1.0
    patience: float = 1800.0
    looks_per_second: float = 10.0
    transport: httpx2.AsyncBaseTransport | None = None
    _jobs: dict[str, list[Asked]] = field(default_factory=dict)
    _looks: asyncio.PriorityQueue[tuple[float, str, float]] = field(default_factory=asyncio.PriorityQueue)
    _skews: list[float] = field(default_factory=list)
    _progress: Progress = field(default_factory=Progress)

    def run(self, arrivals: Sequence[Arrival], told: Told = lambda _progress: None) -> list[Asked]:
        """Make every request at its time, wait for their pictures, and say what became of each."""
        return asyncio.run(self._run(arrivals, told))

    async def _run(self, arrivals: Sequence[Arrival], told: Told) -> list[Asked]:
        limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
        async with httpx2.AsyncClient(
            base_url=self.url, timeout=_TIMEOUT_SECONDS, limits=limits, transport=self.transport
        ) as client:
            self._began, self._epoch = time.monotonic(), time.time()
            looking = asyncio.create_task(self._look_after(client, told))
            asked = [Asked(arrival.at / self.pace) for arrival in arrivals]
            tasks = []
            for arrival, one in zip(arrivals, asked, strict=True):
                if (pause := one.due - self._now()) > 0:
                    await asyncio.sleep(pause)
                tasks.append(asyncio.create_task(self._ask(client, arrival, one)))
                self._progress.asked += 1
            await asyncio.gather(*tasks)
            deadline = self._now() + self.patience / self.pace
            while self._jobs and self._now() < deadline:
                await asyncio.sleep(0.1)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        for waiting in self._jobs.values():
            for one in waiting:
                one.error = "no picture when the run ended"
        return self._by_one_clock(asked)

    def _now(self) -> float:
        return time.monotonic() - self._began

    async def _ask(self, client: httpx2.AsyncClient, arrival: Arrival, one: Asked) -> None:
        url = "v1/images"
        one.sent = self._now()
        try:
            headers = self._headers("POST", url, arrival.body)
            answer = await client.post(url, content=arrival.body, headers=headers)
        except httpx2.HTTPError as error:
            one.error = f"no answer ({type(error).__name__})"
            return
        one.answered, one.status = self._now(), answer.status_code
        self._progress.answered += 1
        if one.status not in (200, 202):
            one.error = f"answered {one.status}"
            return
        document = answer.json()
        one.cache, one.job_id = document["cache"], document["id"]
        if one.status == 200:
            one.ready = one.answered
            return
        if one.cache == "miss":
            # The row was written between sending and answer: the middle tells how far apart the clocks are.
            self._skews.append(self._by_server(document["created_at"]) - (one.sent + one.answered) / 2)
        self._wait_for(one.job_id, one, float(answer.headers.get("retry-after", _FIRST_PAUSE)))

    def _wait_for(self, job_id: str, one: Asked, pause: float) -> None:
        self._progress.waiting += 1
        if job_id in self._jobs:
            self._jobs[job_id].append(one)
            return
        self._jobs[job_id] = [one]
        self._look_again(job_id, pause)

    def _look_again(self, job_id: str, pause: float) -> None:
        self._looks.put_nowait((self._now() + pause, job_id, pause))

    async def _look_after(self, client: httpx2.AsyncClient, told: Told) -> None:
        """Look at the jobs one after the other, each when it is due, and never faster than allowed."""
        while True:
            look = await self._looks.get()
            await asyncio.sleep(1 / self.looks_per_second)
            told(self._progress)
            due, job_id, pause = look
            if due > self._now():
                self._looks.put_nowait(look)  # one that comes meanwhile may be due sooner
                continue
            document = await self._look(client, job_id)
            if document.get("status") not in ("done", "failed"):
                self._look_again(job_id, min(1.5 * pause, _LONGEST_PAUSE))
                continue
            for one in self._jobs.pop(job_id):
                self._progress.waiting -= 1
                if document["status"] == "done":
                    one.ready = self._by_server(document["completed_at"])
                else:
                    one.error = f"failed: {document.get('reason', 'no reason')}"[:100]

    async def _look(self, client: httpx2.AsyncClient, job_id: str) -> Mapping[str, Any]:
        url = f"v1/images/{job_id}"
        try:
            answer = await client.get(url, headers=self._headers("GET", url, b""))
            document: Mapping[str, Any] = answer.json() if answer.status_code == 200 else {}
        except (httpx2.HTTPError, json.JSONDecodeError):
            return {}
        return document

    def _headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
        given = self.authorize(method, f"{self.url.rstrip('/')}/{url}", body)
        return {"accept": "application/json", **given}

    def _by_server(self, text: str) -> float:
        """A time of the service's, in seconds since the run began by its own clock."""
        return datetime.fromisoformat(text).timestamp() - self._epoch

    def _by_one_clock(self, asked: Sequence[Asked]) -> list[Asked]:
        """Bring the service's times to the client's clock; no picture is ready before it was asked for."""
        skews = sorted(self._skews)
        skew = skews[len(skews) // 2] if skews else 0.0
        for one in asked:
            if one.ready is not None and one.status == 202:
                one.ready = max(one.ready - skew, one.sent)
        return list(asked)
