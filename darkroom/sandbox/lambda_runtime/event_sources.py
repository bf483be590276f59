"""Event source mappings: functions that are given what an SQS queue holds.

Lambda polls the queue and invokes the function with a batch; messages of a batch that went well are deleted,
the others become visible again after the queue's visibility time-out, which runs in wall seconds as the
function does. Sources: Lambda developer guide, "Using Lambda with Amazon SQS", "Configuring scaling behavior
for SQS event source mappings" and "Handling errors for an SQS event source".
"""

from __future__ import annotations

import json
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import EventSourceMapping
from moto.sqs.models import Message, Queue, sqs_backends
from moto.utilities.arns import parse_arn

from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.lambda_runtime.environment import Outcome
from darkroom.sandbox.lambda_runtime.execution_role import require_to_poll
from darkroom.sandbox.lambda_runtime.lookup import find

_POLL_SECONDS = 0.1

Invoke = Callable[[Any, bytes], Future[Outcome]]


def source_queue(mapping: EventSourceMapping) -> Queue:
    """The queue that ``mapping`` reads; moto has refused one that is not there.

    Raises:
        InvalidParameterValueException: the source is no SQS queue, its visibility time-out is too short, or
            the function's role may not read it.
    """
    arn = parse_arn(mapping.event_source_arn)
    if arn.service != "sqs":
        raise InvalidParameterValueException(
            f"the sandbox plays event source mappings of SQS queues, not of {arn.service}"
        )
    queue: Queue = sqs_backends[arn.account][arn.region].get_queue(arn.resource_id)
    function = find(mapping.function_arn)
    try:
        require_to_poll(function.role, function.function_name, mapping.event_source_arn)
    except AccessDeniedError as error:
        raise InvalidParameterValueException(
            f"The function execution role does not have permissions to read the queue: {error}"
        ) from error
    timeout, visibility = int(function.timeout), visibility_timeout(queue)
    if visibility < timeout:
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        )
    return queue


def visibility_timeout(queue: Queue) -> int:
    """Seconds; moto makes it an attribute of a queue from the request's."""
    return int(getattr(queue, "visibility_timeout", None) or 0)


class Poller:
    """Gives a function what its queue holds, until closed."""

    def __init__(self, context: Context, mapping: EventSourceMapping, queue: Queue, invoke: Invoke) -> None:
        self._context = context
        self._mapping = mapping
        self._queue = queue
        self._invoke = invoke
        self._lock = threading.Lock()
        self._under_way = 0
        self._closed = threading.Event()
        threading.Thread(target=self._poll, name=f"poll-{queue.name}", daemon=True).start()

    @property
    def concurrency(self) -> int:
        """Batches at once: MaximumConcurrency, and no more than the sandbox runs of a function.

        More than it runs would wait for an environment with their visibility time-out running.
        """
        most = self._context.settings.lambda_environments
        asked = (self._mapping.scaling_config or {}).get("MaximumConcurrency")
        return most if asked is None else min(most, int(asked))

    def close(self) -> None:
        """Read no more; what is under way goes on."""
        self._closed.set()

    def _poll(self) -> None:
        while not self._closed.wait(0 if self._begin() else _POLL_SECONDS):
            continue

    def _begin(self) -> bool:
        """Invoke the function with the next batch, if there is one and room for it."""
        with self._lock:
            if self._under_way >= self.concurrency or not self._mapping.enabled:
                return False
        try:
            batch = self._receive()
            if not batch:
                return False
            event = json.dumps({"Records": [_record(one, self._mapping) for one in batch]}).encode()
            future = self._invoke(find(self._mapping.function_arn), event)
        except Exception:
            # The queue or the function is being deleted; or a fault of ours, which must not end the polling.
            if not self._closed.is_set():
                traceback.print_exc()
            return False
        with self._lock:
            self._under_way += 1
        future.add_done_callback(lambda done: self._finish(batch, done.result()))
        return True

    def _receive(self) -> list[Message]:
        function = find(self._mapping.function_arn)
        require_to_poll(function.role, function.function_name, self._mapping.event_source_arn)
        sqs = sqs_backends[self._queue.account_id][self._queue.region]
        size, visibility = self._mapping.batch_size, visibility_timeout(self._queue)
        return list(sqs.receive_message(self._queue.name, size, 0, visibility))

    def _finish(self, batch: Sequence[Message], outcome: Outcome) -> None:
        with self._lock:
            self._under_way -= 1
        if outcome.failed:
            return
        again = self._failures(batch, outcome.payload)
        sqs = sqs_backends[self._queue.account_id][self._queue.region]
        for message in batch:
            if message.id not in again:
                try:
                    sqs.delete_message(self._queue.name, str(message.receipt_handle))
                except Exception as error:
                    print(f"{self._queue.name}: message {message.id} not deleted: {error}", file=sys.stderr)

    def _failures(self, batch: Sequence[Message], payload: bytes) -> set[str]:
        """The messages that the function wants again.

        An answer that names an unknown message, or can't be read, counts as a failure of all (same guide,
        "Implementing partial batch responses").
        """
        if "ReportBatchItemFailures" not in (self._mapping.function_response_types or []):
            return set()
        every = {message.id for message in batch}
        try:
            answer = json.loads(payload) or {}
            named = {str(one["itemIdentifier"]) for one in answer.get("batchItemFailures") or []}
        except (ValueError, KeyError, TypeError, AttributeError):
            return every
        return named if named <= every else every


def _record(message: Message, mapping: EventSourceMapping) -> dict[str, Any]:
    """A message as the event has it (same guide, "Example standard queue message event")."""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": str(message.sender_id),
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        },
        "messageAttributes": {},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.event_source_arn,
        "awsRegion": mapping.region,
    }
