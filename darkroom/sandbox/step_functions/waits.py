"""Waits and retries of state machines, by the sandbox's clock."""

from __future__ import annotations

from types import SimpleNamespace

from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment

from darkroom.sandbox.context import Context

_POLL_SECONDS = 0.25


def install(context: Context) -> None:
    """Let the interpreter's own waits go by ``context``'s clock."""
    clock = context.clock

    def wait(_wait: WaitFunction, env: Environment, wait_seconds: int) -> None:
        end = clock.now() + wait_seconds
        while env.is_running() and not context.stopping.is_set():
            left = end - clock.now()
            if left <= 0:
                return
            clock.sleep(min(left, _POLL_SECONDS * clock.speed), context.stopping)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds, context.stopping)

    WaitFunction._wait_interval = wait
    retrier_decl.time = SimpleNamespace(sleep=sleep)
