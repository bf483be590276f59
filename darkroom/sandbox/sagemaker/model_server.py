"""One worker process of an instance's model server, seen from the sandbox."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil

from darkroom.sandbox.processes import Processes
from darkroom.sandbox.sagemaker.container import Container
from darkroom.sandbox.sagemaker.worker import Answer, Frame, read_frame, write_frame

_SCRIPT = Path(__file__).with_name("worker.py")
_TAIL_LINES = 5
_ENDING_SECONDS = 2.0


class WorkerStartError(Exception):
    """The worker did not come up: its model did not load, or not in time."""


class WorkerCrashedError(Exception):
    """The worker's process ended in the middle of an inference."""


class WorkerStoppedError(Exception):
    """The worker was told to stop before it began with the request."""


class InvocationTimeoutError(Exception):
    """The worker did not answer in time; it was killed."""


class Worker:
    """A worker process: start it, wait for it to be ready, invoke it one request at a time."""

    def __init__(self, processes: Processes, container: Container, log: Path | None) -> None:
        """``log`` gets what the model prints; None shows it on the sandbox's standard error."""
        self._processes = processes
        self._log = log
        with _log_file(log) as stderr:
            self._process: subprocess.Popen[bytes] = processes.spawn(
                # -P: the folder of the script must not shadow the model's imports.
                [sys.executable, "-P", str(_SCRIPT), *container.arguments],
                env=container.process_environment(),
                cwd=container.model_dir,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        self._writing = threading.Lock()
        self._stopping = False
        self._usage = psutil.Process(self._process.pid)
        self._cpu_seen = 0.0

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def wait_ready(self, seconds: float) -> None:
        """Wait until model_fn has returned.

        Raises:
            WorkerStartError: it raised, the process ended, or ``seconds`` of wall time passed.
        """
        with self._deadline(seconds) as expired:
            frame = self._read()
        if frame is not None and frame[0]["status"] == "ready":
            return
        if frame is None:
            # Its end of the channel is closed a moment before it has ended.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDING_SECONDS)
        self.kill()
        if expired.is_set():
            raise WorkerStartError(f"the model did not load within {seconds:g} s")
        if frame is not None:
            raise WorkerStartError(f"the model did not load: {frame[0]['reason']}")
        raise WorkerStartError(
            f"the worker ended with status {self._process.returncode}. {self._tail()}".rstrip()
        )

    def invoke(
        self,
        body: bytes,
        content_type: str,
        accept: str,
        seconds: float,
        *,
        die: Callable[[], bool],
        stall: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """Send one request and wait for the answer.

        Where ``die`` says so the worker is killed meanwhile, where ``stall`` does it is stopped before.

        Raises:
            InvocationTimeoutError: ``seconds`` of wall time passed; the process is killed.
            WorkerStoppedError: the worker was told to stop before it began.
            WorkerCrashedError: the process ended before it answered.
        """
        with self._deadline(seconds) as expired:
            try:
                with self._writing:
                    if self._stopping:
                        raise WorkerStoppedError(f"worker {self.pid} was told to stop")
                    if stall():
                        self._process.send_signal(signal.SIGSTOP)
                    write_frame(self._stdin, {"content_type": content_type, "accept": accept}, body)
                if die():
                    self._process.kill()
                frame = self._read()
            except BrokenPipeError:
                frame = None
        if expired.is_set():
            raise InvocationTimeoutError(f"the model did not answer within {seconds:g} s")
        if frame is None:
            raise WorkerCrashedError(f"worker {self.pid} ended in the middle of an inference")
        header, answer = frame
        return Answer(header["status"], header["content_type"], answer)

    def cpu_seconds(self) -> float:
        """CPU time the process used since the last call, in seconds."""
        try:
            times = self._usage.cpu_times()
        except psutil.Error:
            return 0.0
        total = times.user + times.system
        used, self._cpu_seen = total - self._cpu_seen, total
        return float(max(0.0, used))

    def memory_bytes(self) -> int:
        """Resident memory of the process."""
        try:
            return int(self._usage.memory_info().rss)
        except psutil.Error:
            return 0

    def terminate(self) -> None:
        """Send SIGTERM, and begin with no request from now on."""
        with self._writing:
            self._stopping = True
            if self.alive:
                self._process.terminate()

    def leave(self, seconds: float) -> int | None:
        """Close the channel, as a model server does that ends; the process's exit status.

        None when it does not end within ``seconds`` of wall time.
        """
        with suppress(BrokenPipeError, ValueError):
            self._stdin.close()
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """Kill and reap the process; it may be dead already."""
        if self.alive:
            self._processes.kill(self._process)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError, ValueError):
                    stream.close()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe
        return self._process.stdin

    def _read(self) -> Frame | None:
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        try:
            return read_frame(self._process.stdout)
        except ValueError:  # closed under us: the endpoint was deleted
            return None

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[threading.Event]:
        """Kill the process after ``seconds`` of wall time, which ends a blocked read."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            yield expired
        finally:
            timer.cancel()

    def _tail(self) -> str:
        if self._log is None or not self._log.exists():
            return ""
        with self._log.open(errors="replace") as log:
            return "Its last words: " + " | ".join(line.strip() for line in deque(log, _TAIL_LINES))


@contextmanager
def _log_file(path: Path | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        yield log
