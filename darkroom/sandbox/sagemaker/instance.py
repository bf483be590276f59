"""One instance of an endpoint: from its launch through serving to its end."""

from __future__ import annotations

import json
import secrets
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.sagemaker import execution_role
from darkroom.sandbox.sagemaker.backlog import InferenceRequest
from darkroom.sandbox.sagemaker.calls import Calls
from darkroom.sandbox.sagemaker.container import Container
from darkroom.sandbox.sagemaker.launch import Launch
from darkroom.sandbox.sagemaker.model_server import (
    InvocationTimeoutError,
    Worker,
    WorkerCrashedError,
    WorkerStartError,
    WorkerStoppedError,
)
from darkroom.sandbox.sagemaker.s3_objects import ObjectError, Objects
from darkroom.sandbox.sagemaker.worker import Answer
from darkroom.sandbox.sagemaker.worker_pool import WorkerPool

_POLL_SECONDS = 0.1
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
        self._vanished = False
        self._container: Container | None = None
        self.workers = WorkerPool(launch.context.processes, self._log_of, self._stop)
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
        self.workers.end()

    def invoke(self, body: bytes, content_type: str | None, accept: str | None, seconds: float) -> Answer:
        """Have an idle worker answer; a worker that is lost over it is replaced.

        Raises:
            InvocationTimeoutError: no answer within ``seconds`` of wall time.
            WorkerCrashedError: the worker ended before it answered.
            InstanceLostError: the instance ended before a worker took the request.
            InstanceVanishedError: the instance was lost over it.
        """
        deadline = time.monotonic() + seconds
        worker = self.workers.take(deadline)
        if worker is None:
            raise InstanceLostError(self.id)
        faults = self._launch.context.faults
        if faults.take("lose_instances"):
            self._vanish()
            raise InstanceVanishedError(self.id)
        if faults.take("container_errors"):
            self.workers.give_back(worker)
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
        self.workers.give_back(worker)
        return answer

    def _vanish(self) -> None:
        """Be gone at once, with every worker and what they have in hand."""
        self._vanished = True
        self._fail("the instance was lost")
        self.workers.end()

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
            self.workers.end()
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
        self.workers.start(self._container, launch.config.variant.startup_seconds)

    def _log_of(self, worker: int) -> Path | None:
        if self._launch.context.settings.verbose:
            return None
        return self._launch.folder / "logs" / self._launch.endpoint_name / f"{self.id}-{worker}.log"

    def _replace(self, lost: Worker) -> None:
        assert self._container is not None  # noqa: S101 - a worker of it was lost
        try:
            self.workers.replace(lost, self._container, self._launch.config.variant.startup_seconds)
        except (WorkerStartError, OSError) as error:
            self._fail(f"a lost worker could not be replaced: {error}")

    def _serve(self) -> None:
        """Take requests until told to stop, and return when the workers have ended."""
        if self._launch.config.output is None:
            self._stop.wait()
            with self.workers.stopping():
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
            with self.workers.stopping():
                pool.shutdown()

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
