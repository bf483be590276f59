"""An endpoint's queue: first in, first out, with what waits and what is being processed."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from darkroom.sandbox.sagemaker.configuration import AsyncOutput


@dataclass(frozen=True, eq=False)
class InferenceRequest:
    """One accepted InvokeEndpointAsync.

    Attributes:
        inference_id: the client's, or one made for it.
        input_location: S3 URI of the payload, or None with ``body``.
        body: the inline payload, or None.
        content_type, accept: as the client sent them; None when it did not.
        output_location, failure_location: where the answer goes; no failure location without an
            S3FailurePath.
        output: the endpoint's output configuration when it was accepted.
        received: sandbox seconds.
        ttl: RequestTTLSeconds, sandbox seconds that it may wait.
        timeout: InvocationTimeoutSeconds. An inference takes the wall time it takes, however fast
            the sandbox's clock runs, so this is measured in wall seconds.
    """

    inference_id: str
    input_location: str | None
    body: bytes | None
    content_type: str | None
    accept: str | None
    output_location: str
    failure_location: str | None
    output: AsyncOutput
    received: float
    ttl: float = 21600
    timeout: float = 900

    def expired(self, now: float) -> bool:
        """Whether it waited longer than its time to live."""
        return now - self.received > self.ttl


@dataclass(frozen=True)
class BacklogState:
    """A backlog at one moment.

    Attributes:
        waiting: requests that nobody processes yet.
        in_flight: requests being processed.
        oldest_received: when the oldest of both came, sandbox seconds; None when there is none.
    """

    waiting: int
    in_flight: int
    oldest_received: float | None

    @property
    def size(self) -> int:
        """ApproximateBacklogSize: waiting or being processed."""
        return self.waiting + self.in_flight


class Backlog:
    """The queue. A request taken from it counts as in flight until it is finished or returned."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[InferenceRequest] = deque()
        self._in_flight: set[InferenceRequest] = set()

    def put(self, request: InferenceRequest) -> None:
        """Queue ``request`` behind all others."""
        with self._changed:
            self._waiting.append(request)
            self._changed.notify()

    def take(self, seconds: float) -> InferenceRequest | None:
        """Take the oldest request; None when none came within ``seconds`` of wall time."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._waiting), seconds):
                return None
            request = self._waiting.popleft()
            self._in_flight.add(request)
            return request

    def give_back(self, request: InferenceRequest) -> None:
        """Put a request that was taken but not begun back in front."""
        with self._changed:
            self._in_flight.discard(request)
            self._waiting.appendleft(request)
            self._changed.notify()

    def finish(self, request: InferenceRequest) -> None:
        """Forget a request that was taken."""
        with self._changed:
            self._in_flight.discard(request)

    def take_expired(self, now: float) -> list[InferenceRequest]:
        """Remove and return the waiting requests that have expired."""
        with self._changed:
            expired = [request for request in self._waiting if request.expired(now)]
            if expired:
                self._waiting = deque(request for request in self._waiting if not request.expired(now))
            return expired

    def clear(self) -> None:
        """Drop everything that waits."""
        with self._changed:
            self._waiting.clear()

    def state(self) -> BacklogState:
        """How much there is."""
        with self._changed:
            times = [request.received for request in (*self._waiting, *self._in_flight)]
            return BacklogState(len(self._waiting), len(self._in_flight), min(times, default=None))
