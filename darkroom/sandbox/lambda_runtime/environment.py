"""An execution environment: one process under AWS's runtime client, one invocation at a time."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from moto.awslambda.models import lambda_backends

from darkroom.sandbox import callers
from darkroom.sandbox.callers import Caller
from darkroom.sandbox.context import Context
from darkroom.sandbox.lambda_runtime import packages
from darkroom.sandbox.lambda_runtime.configuration import FunctionConfiguration
from darkroom.sandbox.lambda_runtime.logs import LogStream
from darkroom.sandbox.lambda_runtime.platform_log import Status, report_lines, start_line
from darkroom.sandbox.lambda_runtime.runtime_api import (
    Answer,
    Exited,
    InitError,
    Invocation,
    Ready,
    RuntimeApi,
)
from darkroom.sandbox.lambda_runtime.variables import variables
from darkroom.sandbox.moments import timestamp_of
from darkroom.sandbox.network import routers

# The init phase may take 10 s; Lambda then runs it again within the first invocation's time-out
# (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
_INIT_SECONDS = 10
_TAIL_BYTES = 4096
_SKEWED = Path(__file__).with_name("skewed_clock.py")
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MAXIMUM_PAYLOAD = 6_291_556
_TOO_LARGE = json.dumps(
    {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        f"({_MAXIMUM_PAYLOAD} bytes).",
    }
).encode()


@dataclass(frozen=True)
class Outcome:
    """What came of an invocation.

    Attributes:
        payload: the handler's answer or the error, JSON.
        failed: Lambda's FunctionError ``Unhandled``.
        tail: the last 4 KB of the invocation's log.
        seconds: wall time the handler took.
    """

    payload: bytes
    failed: bool
    tail: bytes
    seconds: float


class ExecutionEnvironment:
    """One process that runs a function's handler.

    ``usable`` turns False once the process has ended; a new environment is needed then.
    """

    def __init__(self, context: Context, configuration: FunctionConfiguration, code: bytes) -> None:
        self.configuration = configuration
        self.usable = True
        self.skew = context.faults.skew(configuration.name)
        self._access_key = ""
        self._context = context
        self._id = uuid.uuid4().hex
        self._log = LogStream(context, configuration, self._id)
        self._tail = b""
        self._partial = b""
        self._output_lock = threading.Lock()
        self._initialized = False
        state = context.settings.state / "lambda"
        self._scratch = state / "tmp" / self._id
        self._scratch.mkdir(parents=True)
        self._api = RuntimeApi(configuration.timeout)
        try:
            self._process = self._start(state, code)
        except BaseException:
            # Each attempt at a package that can't be run would leave a port and a thread behind.
            self._give_back()
            raise
        threading.Thread(target=self._watch, name=f"lambda-output-{configuration.name}", daemon=True).start()

    def run(self, invocation: Invocation) -> Outcome:
        """Run the handler on one event; never raises for what the function does wrong."""
        self._tail = b""
        if not self._initialized:
            failure = self._initialize(invocation)
            if failure is not None:
                return failure
        function = self.configuration
        self._write(start_line(function, invocation.request_id))
        start = time.monotonic()
        self._api.hand_over(invocation)
        try:
            report = self._next_report(function.timeout)
        except queue.Empty:
            return self._timed_out(invocation, start)
        if isinstance(report, Answer):
            self._drain()
            status: Status = "error" if report.failed else "success"
            return self._finish(invocation, report.payload, status, report.moment - start)
        reason = report.reason if isinstance(report, Exited) else "without providing a reason"
        return self._exited(invocation, reason, start)

    def stop(self) -> None:
        """End the process and give its resources back; a second call does nothing more."""
        self.usable = False
        self._context.processes.kill(self._process)
        self._give_back()

    def crash(self) -> None:
        """Kill the process as it stands; the invocation it runs fails."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)

    def _give_back(self) -> None:
        callers.forget(self._access_key)
        self._api.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _start(self, state: Path, code: bytes) -> subprocess.Popen[bytes]:
        function = self.configuration
        task_root = packages.unpack(code, function.code_digest, state / "code")
        runtime = packages.runtime_libraries(state / "runtime")
        layers = [_layer(function, arn, state) for arn in function.layers]
        given = variables(function, task_root, layers, runtime)
        self._access_key = given["AWS_ACCESS_KEY_ID"]
        callers.let_in(self._access_key, Caller(function.name, function.arn, self.crash))
        client = [str(_SKEWED), str(self.skew)] if self.skew else ["-m", "awslambdaric"]
        process = self._context.processes.spawn(
            # -S: no site-packages; what a handler can import is what PYTHONPATH says.
            [sys.executable, "-S", *client, function.handler],
            env={
                **given,
                "TMPDIR": str(self._scratch),
                "HOME": str(self._scratch),
                "AWS_ENDPOINT_URL": self._context.settings.url,
                "AWS_LAMBDA_LOG_STREAM_NAME": self._log.name,
                "AWS_LAMBDA_RUNTIME_API": self._api.address,
                **routers().variables(function.network, self._context.settings),
            },
            cwd=task_root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        # Before anybody reads: an answer's log is drained, which must not wait for more of it.
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
        return process

    def _initialize(self, invocation: Invocation) -> Outcome | None:
        """Wait for the init phase; the outcome of ``invocation`` when that fails."""
        start = time.monotonic()
        try:
            report = self._next_report(_INIT_SECONDS + self.configuration.timeout)
        except queue.Empty:
            return self._timed_out(invocation, start)
        if isinstance(report, Ready):
            self._initialized = True
            return None
        if isinstance(report, InitError):
            self._drain()
            self.stop()
            return self._finish(invocation, report.payload, "error", time.monotonic() - start)
        reason = report.reason if isinstance(report, Exited) else "without providing a reason"
        return self._exited(invocation, reason, start)

    def _next_report(self, seconds: float) -> Ready | Answer | InitError | Exited:
        """The next thing heard from the process, passing over its asking for more work."""
        deadline = time.monotonic() + seconds
        while True:
            report = self._api.reports.get(timeout=max(0.0, deadline - time.monotonic()))
            if not (isinstance(report, Ready) and self._initialized):
                return report

    def _timed_out(self, invocation: Invocation, start: float) -> Outcome:
        self.stop()
        text = f"Task timed out after {self.configuration.timeout:.2f} seconds"
        line = f"{timestamp_of(time.time())} {invocation.request_id} {text}"
        return self._ended(invocation, "timeout", "Sandbox.Timedout", text, line, start)

    def _exited(self, invocation: Invocation, reason: str, start: float) -> Outcome:
        self.stop()
        text = f"Runtime exited {reason}"
        line = f"RequestId: {invocation.request_id} Error: {text}"
        return self._ended(invocation, "failure", "Runtime.ExitError", text, line, start)

    def _ended(
        self, invocation: Invocation, status: Status, kind: str, text: str, line: str, start: float
    ) -> Outcome:
        """The outcome where the process answered nothing; ``line`` says so in a log of plain text."""
        if self.configuration.log_format != "JSON":
            self._write(line)
        message = f"RequestId: {invocation.request_id} Error: {text}"
        payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
        return self._finish(invocation, payload, status, time.monotonic() - start, kind)

    def _finish(
        self, invocation: Invocation, payload: bytes, status: Status, seconds: float, kind: str | None = None
    ) -> Outcome:
        if len(payload) > _MAXIMUM_PAYLOAD:
            payload, status = _TOO_LARGE, "error"
        self._write(*report_lines(self.configuration, invocation.request_id, seconds, status, kind))
        return Outcome(payload, status != "success", self._tail, seconds)

    def _write(self, *lines: str) -> None:
        with self._output_lock:
            self._log_lines(list(lines))

    def _log_lines(self, lines: list[str]) -> None:
        self._tail = (self._tail + b"".join(f"{line}\n".encode() for line in lines))[-_TAIL_BYTES:]
        self._log.write(lines)

    def _watch(self) -> None:
        """Read the process's output until it ends, then say why it ended."""
        output = self._process.stdout
        if output is None:
            raise AssertionError("the environment's process was started without a pipe")
        # Not select(), which can't take a descriptor beyond 1023: a thousand open connections are ahead.
        readable = select.poll()
        readable.register(output, select.POLLIN)
        while True:
            readable.poll()
            if not self._drain():
                break
        status = self._process.wait()
        with self._output_lock:
            output.close()
        self.usable = False
        self._api.reports.put(Exited(_exit_reason(status)))

    def _drain(self) -> bool:
        """Log what was printed up to now, so an answer finds its log complete; False at the end."""
        output = self._process.stdout
        with self._output_lock:
            while output is not None and not output.closed:
                try:
                    chunk = os.read(output.fileno(), 65536)
                except BlockingIOError:
                    return True
                if not chunk:
                    break
                *lines, self._partial = (self._partial + chunk).split(b"\n")
                self._log_lines([line.decode("utf-8", "replace") for line in lines if line])
            if self._partial:
                self._log_lines([self._partial.decode("utf-8", "replace")])
                self._partial = b""
        return False


def _exit_reason(status: int) -> str:
    if status == 0:
        return "without providing a reason"
    if status < 0:
        return f"with error: signal: {-status}"
    return f"with error: exit status {status}"


def _layer(function: FunctionConfiguration, arn: str, state: Path) -> Path:
    version = lambda_backends[function.account_id][function.region].layers_versions_by_arn(arn)
    if version is None:
        raise ValueError(f"{function.name} uses the layer version {arn}, which does not exist")
    return packages.unpack(version.code_bytes, version.code_digest, state / "layers")
