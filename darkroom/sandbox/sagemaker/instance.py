"""One instance of an endpoint: from its launch through serving to its end."""

from __future__ import annotations

import json
import queue
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum

from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.sagemaker import execution_role
from darkroom.sandbox.sagemaker.backlog import InferenceRequest
from darkroom.sandbox.sagemaker.calls import Calls
from darkroom.sandbox.sagemaker.launch import Launch
from darkroom.sandbox.sagemaker.model_server import (
    Container,
    InvocationTimeoutError,
    Worker,
    WorkerCrashedError,
    WorkerStartError,
    WorkerStoppedError,
)
from darkroom.sandbox.sagemaker.s3_objects import ObjectError, Objects
from darkroom.sandbox.sagemaker.worker import Answer

_POLL_SECONDS = 0.1
# A container that is stopped gets SIGTERM, and SIGKILL after 30 seconds:
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
# Of wall time, which inference takes however fast the sandbox's clock runs.
GRACE_SECONDS = 30.0
_INTERNAL_ERROR = {"code": 500, "type": "InternalServerException", "message": "Worker died."}


class InstanceLostError(Exception):
    """The instance ended before it began with the request; another one can take it."""


class InstanceVanishedError(Exception):
    """The instance was lost over the request; nobody else has it."""


class InstanceStatus(StrEnum):
    """An instance's life, in this order; a failed one never comes back."""

    PENDING = "Pending"
    IN_SERVICE = "InService"
    DRAINING = "Draining"
    TERMINATED = "Terminated"
    FAILED = "Failed"


ENDED = frozenset({InstanceStatus.TERMINATED, InstanceStatus.FAILED})


class Instance:
    """A simulated instance with real workers.

    It launches for ``instance_start_seconds`` of sandbox time, downloads the model, starts its
    workers side by side and is in service when all of them are ready. Then it takes requests from
    the backlog, as many at once as the endpoint allows, and hands each to ``process``.
    """

    def __init__(
        self,
        launch: Launch,
        process: Callable[[InferenceRequest, Instance], None],
        changed: Callable[[Instance], None],
        gone: Callable[[Instance], None],
    ) -> None:
        """``changed`` is called when the status has changed, ``gone`` once, when no worker is left.

        Both are called from the instance's own threads.
        """
        self.id = f"i-{secrets.token_hex(9)[:17]}"
        self.status = InstanceStatus.PENDING
        self.failure: str | None = None
        self.served = False
        self.takes_traffic = True
        self._launch = launch
        self._process = process
        self._changed = changed
        self._gone = gone
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._closed = False
        self._vanished = False
        self._workers: list[Worker] = []
        self._idle: queue.Queue[Worker] = queue.Queue()
        self._container: Container | None = None
        self._sampled = time.monotonic()
        self.calls = Calls()

    @property
    def config_name(self) -> str:
        """The endpoint configuration that it runs."""
        return self._launch.config.name

    @property
    def most_calls(self) -> int:
        """Synchronous requests that it takes at once: one a worker, and its model server's queue."""
        return self._container.workers + self._container.job_queue_size if self._container else 0

    @property
    def answer_seconds(self) -> float:
        """How long its model server waits for a worker's answer."""
        return self._container.response_seconds if self._container else 0.0

    @property
    def objects(self) -> Objects:
        """S3 as the instance's role sees it."""
        return self._launch.objects

    def start(self) -> None:
        """Launch, in the background."""
        threading.Thread(target=self._run, name=f"instance-{self.id}", daemon=True).start()

    def drain(self) -> None:
        """Take no more requests, give the workers GRACE_SECONDS for the running ones, then end.

        A request that no worker has begun goes back to the queue. Returns at once.
        """
        if self._become(InstanceStatus.DRAINING, InstanceStatus.PENDING, InstanceStatus.IN_SERVICE):
            self._stop.set()

    def kill(self) -> None:
        """End now; what runs on it fails."""
        self._become(InstanceStatus.TERMINATED, *(set(InstanceStatus) - ENDED))
        self._end_workers()

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that run."""
        return [worker.pid for worker in self._living()]

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

    def invoke(self, body: bytes, content_type: str | None, accept: str | None, seconds: float) -> Answer:
        """Have an idle worker answer; a worker that is lost over it is replaced.

        Raises:
            InvocationTimeoutError: no answer within ``seconds`` of wall time.
            WorkerCrashedError: the worker ended before it answered.
            InstanceLostError: the instance ended before a worker took the request.
            InstanceVanishedError: the instance was lost over it.
        """
        deadline = time.monotonic() + seconds
        worker = self._idle_worker(deadline)
        faults = self._launch.context.faults
        if faults.take("lose_instances"):
            self._vanish()
            raise InstanceVanishedError(self.id)
        if faults.take("container_errors"):
            self._idle.put(worker)
            return Answer(500, "application/json", json.dumps(_INTERNAL_ERROR).encode())
        default = self._container.default_accept if self._container else "application/json"
        wanted = default if accept in (None, "*/*") else str(accept)
        try:
            answer = worker.invoke(
                body,
                content_type or "application/json",
                wanted,
                deadline - time.monotonic(),
                die=lambda: faults.poisons(body) or faults.take("kill_workers"),
                stall=lambda: faults.take("stall_workers"),
            )
        except WorkerStoppedError as error:
            raise InstanceLostError(self.id) from error
        except (InvocationTimeoutError, WorkerCrashedError):
            if self._vanished:
                raise InstanceVanishedError(self.id) from None
            threading.Thread(target=self._replace, args=(worker,), daemon=True).start()
            raise
        self._idle.put(worker)
        return answer

    def _vanish(self) -> None:
        """Be gone at once, with every worker and what they have in hand."""
        self._vanished = True
        self._fail("the instance was lost")
        self._end_workers()

    def _idle_worker(self, deadline: float) -> Worker:
        while not self._stop.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                raise InvocationTimeoutError("no worker of the instance was free in time")
            try:
                return self._idle.get(timeout=min(left, _POLL_SECONDS))
            except queue.Empty:
                continue
        raise InstanceLostError(self.id)

    def _run(self) -> None:
        try:
            self._boot()
            if self._become(InstanceStatus.IN_SERVICE, InstanceStatus.PENDING):
                self._serve()
        except (WorkerStartError, ObjectError, AccessDeniedError, ValueError) as error:
            self._fail(str(error))
        except Exception as error:
            # Whatever it is, who waits for this instance must learn that it will not come.
            traceback.print_exc()
            self._fail(f"the local AWS failed: {type(error).__name__}: {error}")
        finally:
            self._end_workers()
            self._become(InstanceStatus.TERMINATED, InstanceStatus.DRAINING)
            self._gone(self)

    def _boot(self) -> None:
        launch = self._launch
        if not launch.context.clock.sleep(launch.context.settings.instance_start_seconds, self._stop):
            return
        launch.require_s3()
        execution_role.require(launch.model.role, launch.needs(self.id))
        model_dir = launch.objects.download_model(launch.model.source, launch.folder / "models")
        model = launch.model
        self._container = Container(model_dir, model.environment, launch.region, model.image, model.isolated)
        if launch.context.faults.take("fail_model_loads"):
            raise WorkerStartError("the model did not load: a fault that the sandbox was asked for")
        started = [self._spawn(number) for number in range(self._container.workers)]
        deadline = time.monotonic() + launch.config.variant.startup_seconds
        for worker in started:
            worker.wait_ready(deadline - time.monotonic())
            self._idle.put(worker)

    def _spawn(self, number: int) -> Worker:
        assert self._container is not None  # noqa: S101 - set before the first worker starts
        launch = self._launch
        log = launch.folder / "logs" / launch.endpoint_name / f"{self.id}-{number}.log"
        worker = Worker(
            launch.context.processes,
            self._container,
            None if launch.context.settings.verbose else log,
        )
        with self._lock:
            closed = self._closed
            self._workers.append(worker)
        if closed:
            worker.kill()
        return worker

    def _replace(self, lost: Worker) -> None:
        lost.kill()
        with self._lock:
            if self._stop.is_set() or lost not in self._workers:
                return
            self._workers.remove(lost)
        try:
            worker = self._spawn(len(self._workers))
            worker.wait_ready(self._launch.config.variant.startup_seconds)
        except (WorkerStartError, OSError) as error:
            self._fail(f"a lost worker could not be replaced: {error}")
            return
        self._idle.put(worker)

    def _serve(self) -> None:
        """Take requests until told to stop, and return when the workers have ended."""
        if self._launch.config.output is None:
            self._stop.wait()
            with self._stopping_workers():
                self.calls.close()
            return
        assert self._container is not None  # noqa: S101 - the instance has booted
        concurrency = self._launch.config.variant.max_concurrent or self._container.workers
        free = threading.Semaphore(concurrency)
        with ThreadPoolExecutor(concurrency, thread_name_prefix=self.id) as pool:
            while not self._stop.is_set():
                if not self.takes_traffic:
                    self._stop.wait(_POLL_SECONDS)
                    continue
                if not free.acquire(timeout=_POLL_SECONDS):
                    continue
                request = self._launch.backlog.take(_POLL_SECONDS)
                if request is None:
                    free.release()
                elif self._stop.is_set() or not self.takes_traffic:
                    self._launch.backlog.give_back(request)
                    free.release()
                else:
                    pool.submit(self._process, request, self).add_done_callback(lambda _: free.release())
            with self._stopping_workers():
                pool.shutdown()

    @contextmanager
    def _stopping_workers(self) -> Iterator[None]:
        """SIGTERM before the wait for what the workers are at, SIGKILL after the grace."""
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in self._living():
            worker.terminate()
        kill = threading.Timer(GRACE_SECONDS, self._end_workers)
        kill.daemon = True
        kill.start()
        yield
        for worker in self._living():
            worker.leave(max(0.0, deadline - time.monotonic()))
        kill.cancel()

    def _living(self) -> list[Worker]:
        with self._lock:
            return [worker for worker in self._workers if worker.alive]

    def _fail(self, reason: str) -> None:
        """Be lost: no more requests; what runs on workers that still live may finish."""
        self.failure = reason
        self._become(InstanceStatus.FAILED, *(set(InstanceStatus) - ENDED))

    def _become(self, status: InstanceStatus, *allowed: InstanceStatus) -> bool:
        """Change to ``status`` when it is in one of ``allowed``; tell whether it did."""
        with self._lock:
            if self.status not in allowed:
                return False
            self.status = status
            self.served = self.served or status is InstanceStatus.IN_SERVICE
            if status in ENDED:
                self._stop.set()
        self._changed(self)
        return True

    def _end_workers(self) -> None:
        with self._lock:
            self._closed = True
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
        with self._lock:
            self._workers = [worker for worker in self._workers if worker not in workers]
