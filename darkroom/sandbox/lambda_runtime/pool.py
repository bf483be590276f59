"""A function's execution environments and the queue of invocations before them."""

from __future__ import annotations

import json
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from darkroom.sandbox.context import Context
from darkroom.sandbox.lambda_runtime.configuration import FunctionConfiguration
from darkroom.sandbox.lambda_runtime.environment import ExecutionEnvironment, Outcome
from darkroom.sandbox.lambda_runtime.runtime_api import Invocation

if TYPE_CHECKING:
    from darkroom.sandbox.lambda_runtime.function import Function

# Wall time, not the sandbox's: an idle process costs this machine's memory, however fast its clock.
_IDLE_SECONDS = 600.0


class FunctionPool:
    """Starts environments on demand up to a limit and keeps them warm.

    Lambda throttles invocations beyond the concurrency limit. Here they wait in line instead: one
    machine has a handful of environments where an account has a thousand, and its smallness must not
    look like an error of the application. A function whose concurrency is reserved at zero is
    throttled, as on AWS: it would wait for ever.
    """

    def __init__(self, context: Context, function: Function) -> None:
        self._context = context
        self._function = function
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Invocation, Future[Outcome]]] = deque()
        self._workers = 0
        self._idle = 0
        self._closed = False

    @property
    def limit(self) -> int:
        """How many environments the function may have; its reserved concurrency can lower it."""
        reserved = self._function.reserved_concurrency
        allowed = self._context.settings.lambda_environments
        return allowed if reserved is None else min(allowed, int(reserved))

    def submit(self, invocation: Invocation) -> Future[Outcome]:
        """Queue an invocation; its outcome comes through the future, whatever the function does."""
        future: Future[Outcome] = Future()
        with self._changed:
            if self._closed:
                future.set_result(_gone(invocation))
                return future
            if self.limit == 0:
                future.set_result(_error("TooManyRequestsException", "Rate Exceeded."))
                return future
            self._waiting.append((invocation, future))
            if len(self._waiting) > self._idle and self._workers < self.limit:
                self._workers += 1
                threading.Thread(
                    target=self._work, name=f"lambda-{self._function.function_name}", daemon=True
                ).start()
            self._changed.notify()
        return future

    def close(self) -> None:
        """End the environments once they are done; what still waits is answered with an error."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = list(self._waiting), deque()
            self._changed.notify_all()
        for invocation, future in waiting:
            future.set_result(_gone(invocation))

    def _work(self) -> None:
        """One environment's life: take invocations until the function goes or nobody asks."""
        environment: ExecutionEnvironment | None = None
        self._is_free()
        while (task := self._take()) is not None:
            invocation, future = task
            try:
                environment = self._current(environment)
                outcome = environment.run(invocation)
            except Exception as error:
                # The sandbox's own fault or a package that can't be run: the caller has to know.
                outcome = _error("Sandbox.StartFailure", f"{error}")
            # Before the answer is out: who has it and calls again finds this environment, not a new one.
            self._is_free()
            future.set_result(outcome)
        if environment is not None:
            environment.stop()

    def _is_free(self) -> None:
        with self._changed:
            self._idle += 1

    def _take(self) -> tuple[Invocation, Future[Outcome]] | None:
        """The next invocation for a free environment, free no more; None when it should end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, _IDLE_SECONDS)
            self._idle -= 1
            if self._waiting and self._workers <= max(1, self.limit):
                return self._waiting.popleft()
            self._workers -= 1
            return None

    def _current(self, environment: ExecutionEnvironment | None) -> ExecutionEnvironment:
        """``environment`` while it is alive and the function unchanged, or else a new one."""
        configuration = FunctionConfiguration.of(self._function)
        if environment is not None:
            skew = self._context.faults.skew(configuration.name)
            if environment.usable and (environment.configuration, environment.skew) == (configuration, skew):
                return environment
            environment.stop()
        return ExecutionEnvironment(self._context, configuration, self._function.code_bytes)


def _gone(invocation: Invocation) -> Outcome:
    return _error("ResourceNotFoundException", f"Function not found: {invocation.function_arn}")


def _error(kind: str, message: str) -> Outcome:
    payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return Outcome(payload, failed=True, tail=b"", seconds=0.0)
