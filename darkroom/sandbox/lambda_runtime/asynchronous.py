"""Asynchronous invocation: retries, then the dead-letter queue or the destination.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: two more attempts on
a function error, one minute and then two minutes later; an event that is older than its maximum age
(six hours unless set) is not tried again. The delays pass on the sandbox's clock.
"""

from __future__ import annotations

import heapq
import itertools
import json
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from darkroom.sandbox.context import Context
from darkroom.sandbox.lambda_runtime.destinations import deliver
from darkroom.sandbox.lambda_runtime.environment import Outcome
from darkroom.sandbox.lambda_runtime.execution_role import require_to_deliver
from darkroom.sandbox.lambda_runtime.lookup import exists, find
from darkroom.sandbox.moments import timestamp_of

if TYPE_CHECKING:
    from darkroom.sandbox.lambda_runtime.function import Function

_RETRY_DELAYS = (60.0, 120.0)
_MAXIMUM_AGE = 21600.0
_THROTTLED_DELAY = 60.0
_POLL_SECONDS = 0.05

Invoke = Callable[["Function", bytes, str], Future[Outcome]]
Record = Callable[["Function", str, float], None]


@dataclass(frozen=True)
class QueuedEvent:
    """An event on its way; ``attempts`` that failed so far, ``received`` in sandbox seconds."""

    function: Function
    event: bytes
    request_id: str
    received: float
    attempts: int = 0


class AsynchronousInvocations:
    """Takes events, keeps the ones to be tried again, and gives up as Lambda does."""

    def __init__(self, context: Context, invoke: Invoke, record: Record) -> None:
        self._context = context
        self._invoke = invoke
        self._record = record
        self._lock = threading.Lock()
        self._later: list[tuple[float, int, QueuedEvent]] = []
        self._order = itertools.count()
        self._closed = threading.Event()
        threading.Thread(target=self._retry, name="lambda-retries", daemon=True).start()

    def send(self, function: Function, event: bytes) -> Future[Outcome] | None:
        """Queue an event; returns at once, with its first attempt (None when that is put off)."""
        return self._attempt(QueuedEvent(function, event, str(uuid.uuid4()), self._context.clock.now()))

    def close(self) -> None:
        """Try nothing again."""
        self._closed.set()

    def _attempt(self, queued: QueuedEvent) -> Future[Outcome] | None:
        if queued.function.reserved_concurrency == 0:
            self._record(queued.function, "Throttles", 1)
            self._postpone(queued, _THROTTLED_DELAY)
            return None
        future = self._invoke(queued.function, queued.event, queued.request_id)
        future.add_done_callback(lambda done: self._finish(queued, done.result()))
        return future

    def _finish(self, queued: QueuedEvent, outcome: Outcome) -> None:
        if self._closed.is_set():
            return
        if not outcome.failed:
            self._report(queued, outcome, "OnSuccess", "Success")
            return
        queued = replace(queued, attempts=queued.attempts + 1)
        configuration = _configuration(queued.function)
        retries = int(configuration.get("MaximumRetryAttempts", len(_RETRY_DELAYS)))
        if queued.attempts > retries:
            self._give_up(queued, outcome, "RetriesExhausted")
        else:
            self._postpone(queued, _RETRY_DELAYS[queued.attempts - 1], outcome)

    def _postpone(self, queued: QueuedEvent, delay: float, outcome: Outcome | None = None) -> None:
        moment = self._context.clock.now() + delay
        age = float(_configuration(queued.function).get("MaximumEventAgeInSeconds", _MAXIMUM_AGE))
        if moment - queued.received > age:
            self._give_up(queued, outcome, "EventAgeExceeded")
            return
        with self._lock:
            heapq.heappush(self._later, (moment, next(self._order), queued))

    def _retry(self) -> None:
        while not self._closed.wait(_POLL_SECONDS):
            for queued in self._due():
                # The queue of a function goes with it.
                if exists(queued.function):
                    self._attempt(queued)

    def _due(self) -> list[QueuedEvent]:
        due = []
        now = self._context.clock.now()
        with self._lock:
            while self._later and self._later[0][0] <= now:
                due.append(heapq.heappop(self._later)[2])
        return due

    def _give_up(self, queued: QueuedEvent, outcome: Outcome | None, condition: str) -> None:
        target = queued.function.dead_letter_config.get("TargetArn")
        if target:
            self._deliver(queued.function, target, queued.event.decode(), _error_attributes(queued, outcome))
        self._report(queued, outcome, "OnFailure", condition)

    def _report(self, queued: QueuedEvent, outcome: Outcome | None, which: str, condition: str) -> None:
        destinations = _configuration(queued.function).get("DestinationConfig", {})
        target = destinations.get(which, {}).get("Destination")
        if target:
            record = _invocation_record(queued, outcome, condition, self._context.clock.now())
            self._deliver(queued.function, target, json.dumps(record), {})

    def _deliver(
        self, function: Function, target: str, body: str, attributes: dict[str, tuple[str, str]]
    ) -> None:
        try:
            require_to_deliver(function.role, function.function_name, target)
            if target.split(":")[2] == "lambda":
                self.send(find(target), body.encode())
            else:
                deliver(target, body, attributes)
        except Exception as error:
            # As on AWS, what can't be delivered is counted and lost; here it is said, too.
            self._record(function, "DeadLetterErrors", 1)
            print(f"{function.function_name}: nothing delivered to {target}: {error}", file=sys.stderr)


def _configuration(function: Function) -> dict[str, Any]:
    return function.event_invoke_config[-1].config if function.event_invoke_config else {}


def _error_attributes(queued: QueuedEvent, outcome: Outcome | None) -> dict[str, tuple[str, str]]:
    """What Lambda tells a dead-letter queue beside the event."""
    message = "Event age exceeded" if outcome is None else _error_message(outcome.payload)
    return {
        "RequestID": ("String", queued.request_id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", message[:1024] or "unknown"),
    }


def _error_message(payload: bytes) -> str:
    try:
        return str(json.loads(payload).get("errorMessage", ""))
    except (ValueError, AttributeError):
        return payload.decode("utf-8", "replace")


def _invocation_record(
    queued: QueuedEvent, outcome: Outcome | None, condition: str, now: float
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": timestamp_of(now),
        "requestContext": {
            "requestId": queued.request_id,
            "functionArn": f"{queued.function.function_arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": max(1, queued.attempts),
        },
        "requestPayload": _json(queued.event),
    }
    if outcome is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if outcome.failed:
            record["responseContext"]["functionError"] = "Unhandled"
        record["responsePayload"] = _json(outcome.payload)
    return record


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
