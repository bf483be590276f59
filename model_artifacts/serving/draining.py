"""SIGTERM in a worker: the picture under way is drawn and answered, nothing new is begun, the process ends.

SageMaker stops a container with SIGTERM and 30 seconds later with SIGKILL. What of that reaches a worker is
the model server's matter (docs/serving.md). Its worker is one loop in the main thread: it reads a request,
calls our code, sends the answer. Python runs signal handlers in that thread between two bytecodes, so that
one which raises ends a blocked read, and one which only takes a note lets a picture be finished.
"""

import atexit
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

# The answer is sent by the model server's loop after our code has returned, and the loop tells nobody. A
# picture goes over a local socket in milliseconds.
ANSWER_SECONDS = 1.0

Handler = Callable[[int, FrameType | None], Any]


class StoppingError(Exception):
    """A request that came when the worker was told to stop; another worker can draw it."""

    def __init__(self) -> None:
        super().__init__("this worker is being stopped: ask again")


class Drain:
    """Follows SIGTERM for one worker process: begin() and end() enclose each request."""

    def __init__(self) -> None:
        self._stopping = False
        self._busy = False
        self._before: Any = signal.SIG_DFL

    def install(self) -> None:
        """Handle SIGTERM from now on; the handler that the model server has set is called on leaving.

        Nothing changes outside of the main thread, where Python lets nobody set a handler.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.signal(signal.SIGTERM, self._on_sigterm)
        if before != self._on_sigterm:
            self._before = before

    def begin(self) -> None:
        """Take a request.

        Raises:
            StoppingError: the worker has been told to stop.
        """
        if self._stopping:
            self._leave_soon()
            raise StoppingError
        self._busy = True

    def end(self, *, answered: bool = False) -> None:
        """Be done with the request that was begun; a worker that was told to stop ends.

        Args:
            answered: the answer has been sent; otherwise the model server is given ANSWER_SECONDS for it.
        """
        self._busy = False
        if not self._stopping:
            return
        if answered:
            self._leave()
        self._leave_soon()

    def _on_sigterm(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if not self._busy:
            # The answer before may still be on its way, and a request may have been read and not begun.
            self._leave_soon()

    def _leave_soon(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, lambda _signal, _frame: self._leave())
            # A model server that ends the process before then: Python takes its handlers away early in that,
            # and a SIGALRM without one kills.
            atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_REAL, ANSWER_SECONDS)

    def _leave(self) -> None:
        if callable(self._before):
            self._before(signal.SIGTERM, None)
        sys.exit(0)


# Signals belong to the process, and a process serves one model.
drain = Drain()
