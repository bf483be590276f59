"""The one way into a function: called and answered, or queued as an event."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from moto.awslambda.models import EventSourceMapping
from moto.sqs.models import Queue

from darkroom.sandbox import xray
from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.lambda_runtime.asynchronous import AsynchronousInvocations
from darkroom.sandbox.lambda_runtime.environment import Outcome
from darkroom.sandbox.lambda_runtime.event_sources import Poller
from darkroom.sandbox.lambda_runtime.execution_role import require_to_trace
from darkroom.sandbox.lambda_runtime.pool import FunctionPool
from darkroom.sandbox.lambda_runtime.runtime_api import Invocation
from darkroom.sandbox.service_metrics import Metric, ServiceMetrics

if TYPE_CHECKING:
    from darkroom.sandbox.lambda_runtime.function import Function


class LambdaService:
    """The pools of all functions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._pools: dict[str, tuple[Function, FunctionPool]] = {}
        self._pollers: dict[str, Poller] = {}
        self._metrics = ServiceMetrics(context)
        self.events = AsynchronousInvocations(context, self.invoke, self.record)
        context.on_stop.append(self.close)

    def invoke(
        self,
        function: Function,
        event: bytes,
        request_id: str,
        client_context: str | None = None,
        trace: str | None = None,
    ) -> Future[Outcome]:
        """Run ``event`` as soon as an environment of ``function`` is free."""
        active = (function.tracing_config or {}).get("Mode") == "Active"
        arrived, service_id, function_id = xray.arrive(trace, active=active), xray.new_id(), xray.new_id()
        if active and not _may_trace(function):
            # What the function tells the daemon of itself would go out in its role, too.
            active, arrived = False, replace(arrived, sampled=False)
        inside = arrived.under(function_id) if active else arrived
        invocation = Invocation(request_id, event, function.function_arn, inside.header, client_context)
        pool = self._pool(function)
        began = time.time()
        future = pool.submit(invocation)
        if active:
            future.add_done_callback(
                lambda done: self._trace(
                    function, arrived, (service_id, function_id), request_id, began, done.result()
                )
            )
        future.add_done_callback(lambda done: self._record_outcome(function, done.result()))
        if self._context.faults.duplicate_invocations:
            pool.submit(invocation)
        return future

    def record(self, function: Function, name: str, value: float, unit: str = "Count") -> None:
        """Add a sample to a metric of AWS/Lambda for ``function``."""
        dimensions = (("FunctionName", function.function_name),)
        metric = Metric(function.account_id, function.region, "AWS/Lambda", name, dimensions, unit)
        self._metrics.add(metric, value)

    def poll(self, mapping: EventSourceMapping, queue: Queue) -> None:
        """Give a function what ``queue`` holds from now on."""
        self._pollers[mapping.uuid] = Poller(self._context, mapping, queue, invoke)

    def stop_polling(self, mapping_id: str) -> None:
        """Read for a deleted mapping no more."""
        poller = self._pollers.pop(mapping_id, None)
        if poller is not None:
            poller.close()

    def forget(self, function_arn: str) -> None:
        """End the environments of a deleted function."""
        with self._lock:
            entry = self._pools.pop(function_arn, None)
        if entry is not None:
            entry[1].close()

    def close(self) -> None:
        """End every environment."""
        for mapping_id in list(self._pollers):
            self.stop_polling(mapping_id)
        self.events.close()
        for function_arn in list(self._pools):
            self.forget(function_arn)

    def _pool(self, function: Function) -> FunctionPool:
        with self._lock:
            known = self._pools.get(function.function_arn)
            if known is not None and known[0] is function:
                return known[1]
            if known is not None:
                # Deleted and made anew under the same name.
                known[1].close()
            pool = FunctionPool(self._context, function)
            self._pools[function.function_arn] = (function, pool)
            return pool

    @staticmethod
    def _trace(
        function: Function,
        arrived: xray.Trace,
        ids: tuple[str, str],
        request_id: str,
        began: float,
        outcome: Outcome,
    ) -> None:
        """Lambda's two segments of an invocation: the service's, and the function's in it.

        X-Ray developer guide, "AWS Lambda and AWS X-Ray".
        """
        ended = time.time()
        account, region = function.account_id, function.region
        common = {
            "name": function.function_name,
            "end_time": ended,
            "aws": {"request_id": request_id, "function_arn": function.function_arn},
            **({"fault": True} if outcome.failed else {}),
        }
        service = {"id": ids[0], "origin": "AWS::Lambda", "start_time": began}
        inner = {"id": ids[1], "origin": "AWS::Lambda::Function"}
        xray.put(account, region, arrived, {**common, **service})
        started = max(began, ended - outcome.seconds)
        xray.put(account, region, arrived.under(ids[0]), {**common, **inner, "start_time": started})

    def _record_outcome(self, function: Function, outcome: Outcome) -> None:
        self.record(function, "Invocations", 1)
        self.record(function, "Errors", int(outcome.failed))
        self.record(function, "Duration", round(outcome.seconds * 1000, 1), "Milliseconds")


def _may_trace(function: Function) -> bool:
    """Active tracing is done in the function's role; where that may not, all else goes on."""
    try:
        require_to_trace(function.role, function.function_name)
    except AccessDeniedError as error:
        print(f"{function.function_name}: not traced: {error}", file=sys.stderr)
        return False
    return True


_service: LambdaService | None = None


def start(context: Context) -> None:
    """Make the service of this sandbox."""
    global _service
    _service = LambdaService(context)


def service() -> LambdaService:
    """The running service.

    Raises:
        RuntimeError: no sandbox was installed.
    """
    if _service is None:
        raise RuntimeError("no Lambda service runs: call darkroom.sandbox.lambda_runtime.install first")
    return _service


def invoke(
    function: Function, event: bytes, *, client_context: str | None = None, trace: str | None = None
) -> Future[Outcome]:
    """Call ``function`` and wait for it through the future (RequestResponse).

    Args:
        trace: the X-Ray header of the caller.
    """
    return service().invoke(function, event, str(uuid.uuid4()), client_context, trace)


def send_event(function: Function, event: bytes) -> Future[Outcome] | None:
    """Queue ``event`` for ``function`` (Event): retried on error, then its failure destination.

    Returns:
        The first attempt's outcome to come; None when the function's concurrency is set to zero.
    """
    return service().events.send(function, event)
