"""The sandbox's clock: starts at the wall's time and can run faster than it."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from darkroom.sandbox.moments import datetime_of


class Clock:
    """Sandbox time, in seconds since the epoch, running at ``speed`` sandbox seconds a wall second.

    The speed may change while it runs; time stays continuous and never goes back. What happens by
    the clock in AWS (metric periods, alarms, cooldowns, schedules, time to live, start-up times)
    happens by this clock in the sandbox. What takes real work (a Lambda, an inference) takes the
    wall time it takes.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._wall_anchor = time.time()
        self._anchor = self._wall_anchor
        self._speed = 1.0
        self.speed = speed

    @property
    def speed(self) -> float:
        """Sandbox seconds a wall second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if not 0 < speed <= 1000:
            raise ValueError(f"the clock's speed is {speed}: give a number above 0 and up to 1000")
        with self._changed:
            wall = time.time()
            self._anchor = self._at(wall)
            self._wall_anchor = wall
            self._speed = speed
            self._changed.notify_all()

    def _at(self, wall: float) -> float:
        return self._anchor + max(0.0, wall - self._wall_anchor) * self._speed

    def now(self) -> float:
        """The sandbox's time, seconds since the epoch."""
        with self._lock:
            return self._at(time.time())

    def from_wall(self, seconds: float) -> float:
        """The sandbox's time at wall time ``seconds``; never before the last change of speed."""
        with self._lock:
            return self._at(seconds)

    def now_datetime(self) -> datetime:
        """The sandbox's time as an aware datetime in UTC."""
        return datetime_of(self.now())

    def wait_until(self, moment: float, stop: threading.Event | None = None) -> bool:
        """Block until sandbox time ``moment``; return False when ``stop`` was set before.

        ``stop`` is looked at every 50 ms.
        """
        while True:
            if stop is not None and stop.is_set():
                return False
            with self._changed:
                left = (moment - self._at(time.time())) / self._speed
                if left <= 0:
                    return True
                self._changed.wait(min(left, 0.05 if stop is not None else left))

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Block for ``seconds`` of sandbox time; return False when ``stop`` was set before."""
        return self.wait_until(self.now() + seconds, stop)
