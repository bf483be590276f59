"""The instances of the endpoint: ordered, starting, serving, draining, gone; and what is billed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from darkroom.planner.queue_kernel import WORKERS, Waiting, Workers


@dataclass
class Instance:
    """One instance; times in seconds of the simulation.

    Attributes:
        launched: when it was ordered; it is billed from then on.
        ready: when it serves.
        ended: when its last picture was drawn after it was told to go; None until it is told.
    """

    number: int
    launched: float
    ready: float
    ended: float | None = None


class Fleet:
    """Launches and drains instances until as many are there as desired.

    As in the local AWS: the youngest go first, an instance that is told to go takes nothing new and
    finishes what it draws, and a new number supersedes one that is still being reached. SageMaker
    does not publish which instances it takes nor what becomes of their work: it is a model.
    """

    def __init__(
        self, workers: Workers, waiting: Waiting, workers_per_instance: int, start_up: Callable[[], float]
    ) -> None:
        """``start_up`` draws the seconds from an instance's launch to its first work."""
        self._workers = workers
        self._cursor = waiting.cursor
        self._per_instance = workers_per_instance
        self._start_up = start_up
        self._live: list[Instance] = []
        self._gone: list[Instance] = []
        self._launched = 0

    @property
    def desired(self) -> int:
        """Instances wanted: those that are there and those that start."""
        return len(self._live)

    def in_service(self, now: float) -> int:
        """Instances that serve at ``now``."""
        return sum(instance.ready <= now for instance in self._live)

    def is_settled(self, now: float) -> bool:
        """Whether every instance that is wanted serves."""
        return self.in_service(now) == self.desired

    def open_with(self, count: int, now: float) -> None:
        """Have ``count`` instances that serve already."""
        for _ in range(count):
            self._launch(now, now)

    def set_desired(self, count: int, now: float) -> None:
        """Launch or drain so that ``count`` remain."""
        while len(self._live) < count:
            self._launch(now, now + self._start_up())
        if len(self._live) > count:
            surplus, self._live = self._live[count:], self._live[:count]
            self._drain(surplus, now)

    def _launch(self, now: float, ready: float) -> None:
        instance = Instance(self._launched, now, ready)
        self._launched += 1
        self._live.append(instance)
        size = int(self._cursor[WORKERS])
        added = slice(size, size + self._per_instance)
        self._workers.free_at[added] = ready
        self._workers.instance[added] = instance.number
        self._rebuild(np.arange(size + self._per_instance))

    def _drain(self, instances: list[Instance], now: float) -> None:
        size = int(self._cursor[WORKERS])
        numbers = self._workers.instance[:size]
        for instance in instances:
            last = float(self._workers.free_at[:size][numbers == instance.number].max())
            instance.ended = now if instance.ready > now else max(now, last)
        self._gone += instances
        going = [instance.number for instance in instances]
        self._rebuild(np.flatnonzero(~np.isin(numbers, going)))

    def _rebuild(self, kept: NDArray[np.intp]) -> None:
        """Make the heap of the workers at ``kept``: a sorted array is a heap."""
        free_at, instance = self._workers.free_at[kept], self._workers.instance[kept]
        order = np.argsort(free_at, kind="stable")
        self._workers.free_at[: len(kept)] = free_at[order]
        self._workers.instance[: len(kept)] = instance[order]
        self._workers.free_at[len(kept) :] = np.inf
        self._cursor[WORKERS] = len(kept)

    def billed_seconds(self, now: float) -> float:
        """Instance-seconds up to ``now``, from launch to end."""
        return sum(
            (now if instance.ended is None else min(instance.ended, now)) - instance.launched
            for instance in (*self._gone, *self._live)
        )

    def serving_seconds(self, now: float) -> float:
        """Instance-seconds up to ``now`` in which work could be done: from ready to end."""
        return sum(
            max(0.0, (now if instance.ended is None else min(instance.ended, now)) - instance.ready)
            for instance in (*self._gone, *self._live)
        )
