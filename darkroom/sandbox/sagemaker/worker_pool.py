"""The workers of an instance: started side by side, one request each, replaced when lost, ended together."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from darkroom.sandbox.processes import Processes
from darkroom.sandbox.sagemaker.container import Container
from darkroom.sandbox.sagemaker.model_server import InvocationTimeoutError, Worker

_POLL_SECONDS = 0.1
# A container that is stopped gets SIGTERM, and SIGKILL after 30 seconds:
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
# Of wall time, which inference takes however fast the sandbox's clock runs.
GRACE_SECONDS = 30.0


class WorkerPool:
    """The workers of one container. It is there before they are, and may be ended at any time."""

    def __init__(
        self, processes: Processes, log_of: Callable[[int], Path | None], stop: threading.Event
    ) -> None:
        """``log_of`` tells where the worker of a number logs; nothing is begun once ``stop`` is set."""
        self._processes = processes
        self._log_of = log_of
        self._stop = stop
        self._lock = threading.Lock()
        self._closed = False
        self._workers: list[Worker] = []
        self._idle: queue.Queue[Worker] = queue.Queue()
        self._sampled = time.monotonic()

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that run."""
        return [worker.pid for worker in self._living()]

    def start(self, container: Container, seconds: float) -> None:
        """Start the container's workers, and wait until all are ready.

        Raises:
            WorkerStartError: one is not within ``seconds`` of wall time, or ended.
        """
        started = [self._spawn(container, number) for number in range(container.workers)]
        deadline = time.monotonic() + seconds
        for worker in started:
            worker.wait_ready(deadline - time.monotonic())
            self._idle.put(worker)

    def take(self, deadline: float) -> Worker | None:
        """An idle worker, which its taker gives back or replaces; None once no more is to be begun.

        Raises:
            InvocationTimeoutError: none was idle until ``deadline``, monotonic seconds.
        """
        while not self._stop.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                raise InvocationTimeoutError("no worker of the instance was free in time")
            try:
                return self._idle.get(timeout=min(left, _POLL_SECONDS))
            except queue.Empty:
                continue
        return None

    def give_back(self, worker: Worker) -> None:
        """It is idle again."""
        self._idle.put(worker)

    def replace(self, lost: Worker, container: Container, seconds: float) -> None:
        """Start another worker in the place of ``lost``, unless all are to end.

        Raises:
            WorkerStartError: it is not ready within ``seconds`` of wall time, or ended.
            OSError: there is no process for it.
        """
        lost.kill()
        with self._lock:
            if self._stop.is_set() or lost not in self._workers:
                return
            self._workers.remove(lost)
        worker = self._spawn(container, len(self._workers))
        worker.wait_ready(seconds)
        self._idle.put(worker)

    def end(self) -> None:
        """Kill them all, also one that is being started."""
        with self._lock:
            self._closed = True
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
        with self._lock:
            self._workers = [worker for worker in self._workers if worker not in workers]

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """SIGTERM before the wait for what the workers are at, SIGKILL after the grace."""
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in self._living():
            worker.terminate()
        kill = threading.Timer(GRACE_SECONDS, self.end)
        kill.daemon = True
        kill.start()
        yield
        for worker in self._living():
            worker.leave(max(0.0, deadline - time.monotonic()))
        kill.cancel()

    def cpu_percent(self) -> float:
        """CPU use since the last call, in per cent of one core, summed over the workers."""
        with self._lock:
            used = sum(worker.cpu_seconds() for worker in self._workers)
            now = time.monotonic()
            elapsed, self._sampled = now - self._sampled, now
        return 100 * used / elapsed if elapsed > 0 else 0.0

    def memory_bytes(self) -> int:
        """Resident memory of the workers."""
        with self._lock:
            return sum(worker.memory_bytes() for worker in self._workers)

    def _spawn(self, container: Container, number: int) -> Worker:
        worker = Worker(self._processes, container, self._log_of(number))
        with self._lock:
            closed = self._closed
            self._workers.append(worker)
        if closed:
            worker.kill()
        return worker

    def _living(self) -> list[Worker]:
        with self._lock:
            return [worker for worker in self._workers if worker.alive]
