"""Virtual time in which real code runs: many invocations at once, one at a time, in an order that repeats.

A process is a thread that runs only when it is its turn. It gives its turn away where it waits, which is at
each of its AWS calls; so any two invocations interleave at any of their calls, and the same seed interleaves
them alike.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from typing import Any

from tests.lambda_functions.local_campaign import Crash


class Process(threading.Thread):
    """Real code in virtual time.

    Args:
        body: what it runs.
        deadline: the moment at which it is killed wherever it waits, as Lambda does at a time-out.
        ended: called with what ``body`` returned, or with what it raised.
        skew: how far ahead its clock is, in seconds.
        calm: what its chances to die or to be slow at a call are multiplied by.
    """

    def __init__(
        self,
        world: World,
        body: Callable[[], Any],
        deadline: float,
        ended: Callable[[Any, BaseException | None], None],
        skew: float = 0.0,
        calm: float = 1.0,
    ) -> None:
        super().__init__(daemon=True)
        self.world = world
        self.skew = skew
        self.calm = calm
        self.deadline = deadline
        self.crashed = False
        self._body = body
        self._ended = ended
        self._mine = threading.Semaphore(0)
        self._theirs = threading.Semaphore(0)

    def run(self) -> None:
        self._mine.acquire()
        result, raised = None, None
        try:
            result = self._body()
        except BaseException as error:
            raised = error
        self._ended(result, raised)
        self._theirs.release()

    def turn(self) -> None:
        """Let it run until it waits or ends; called by the world."""
        if not self.is_alive():
            self.start()
        self._mine.release()
        self._theirs.acquire()

    def wait(self, seconds: float) -> None:
        """Called by the process itself; raises Crash at its deadline."""
        moment = self.world.now + seconds
        self.world.at(min(moment, max(self.deadline, self.world.now)), self.turn)
        self._theirs.release()
        self._mine.acquire()
        if moment > self.deadline:
            self.crash()

    def crash(self) -> None:
        """Die here: nothing after this runs."""
        self.crashed = True
        raise Crash


class World:
    """What happens when."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._order = itertools.count()
        self._actions: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Do ``action`` at ``moment``."""
        heapq.heappush(self._actions, (moment, next(self._order), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do ``action`` in ``seconds``."""
        self.at(self.now + seconds, action)

    def run_until(self, moment: float) -> None:
        """Let everything happen up to ``moment``."""
        while self._actions and self._actions[0][0] <= moment:
            self.now, _, action = heapq.heappop(self._actions)
            action()
        self.now = moment

    def spawn(
        self,
        body: Callable[[], Any],
        seconds: float,
        ended: Callable[[Any, BaseException | None], None],
        skew: float = 0.0,
        calm: float = 1.0,
    ) -> None:
        """Run ``body``, for ``seconds`` at most."""
        self.after(0, Process(self, body, self.now + seconds, ended, skew, calm).turn)


def current() -> Process:
    """The process that runs."""
    process = threading.current_thread()
    assert isinstance(process, Process)
    return process


class ProcessTime:
    """Stands for the module ``time`` in a process."""

    @staticmethod
    def monotonic() -> float:
        return current().world.now

    @staticmethod
    def time() -> float:
        process = current()
        return process.world.now + process.skew

    @staticmethod
    def sleep(seconds: float) -> None:
        current().wait(seconds)
