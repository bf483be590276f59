"""The synchronous requests that an instance's model server has: at work and in its queue."""

from __future__ import annotations

import threading


class QueueFullError(Exception):
    """The model server takes nothing more now: all workers are busy and its queue is full."""


class ClosedError(Exception):
    """The instance drains: it takes nothing more."""


class Calls:
    """How many requests there are. A caller that gave up leaves its request: it is drawn all the same."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        """Requests at work or waiting."""
        return self._count

    def enter(self, most: int) -> None:
        """One request more.

        Raises:
            QueueFullError: there are ``most`` already.
            ClosedError: see :meth:`close`.
        """
        with self._changed:
            if self._closed:
                raise ClosedError
            if self._count >= most:
                raise QueueFullError
            self._count += 1

    def leave(self) -> None:
        """One request less."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Take nothing more, and return when the last request is answered."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._count == 0)
