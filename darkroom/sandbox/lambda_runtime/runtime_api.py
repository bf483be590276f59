"""AWS's Lambda Runtime API, served to one execution environment.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Each environment gets a port of its
own: the runtime client reports an error of the init phase over a plain HTTP connection that takes
AWS_LAMBDA_RUNTIME_API for a host and port, so a path in it can't tell environments apart.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PREFIX = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Invocation:
    """One event for a function."""

    request_id: str
    event: bytes
    function_arn: str
    trace_id: str
    client_context: str | None = None


@dataclass(frozen=True)
class Ready:
    """The environment finished its init phase and asks for work."""


@dataclass(frozen=True)
class Answer:
    """What the handler returned, or the error it ended with."""

    request_id: str
    payload: bytes
    failed: bool
    moment: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class InitError:
    """The function's module could not be loaded."""

    payload: bytes


@dataclass(frozen=True)
class Exited:
    """The process ended."""

    reason: str


Report = Ready | Answer | InitError | Exited


class RuntimeApi:
    """Hands invocations to one runtime client and puts what it says into ``reports``."""

    def __init__(self, timeout: float) -> None:
        self.reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._invocations: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._timeout = timeout
        self._server = _Server(self)
        threading.Thread(
            target=self._server.serve_forever,
            name="lambda-runtime-api",
            kwargs={"poll_interval": 1},
            daemon=True,
        ).start()

    @property
    def address(self) -> str:
        """Host and port, for AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def hand_over(self, invocation: Invocation) -> None:
        """Give the client its next invocation."""
        self._invocations.put(invocation)

    def next(self) -> tuple[Invocation, int] | None:
        """Wait for the next invocation and its deadline, in ms since the epoch; None at the end."""
        self.reports.put(Ready())
        invocation = self._invocations.get()
        return None if invocation is None else (invocation, int((time.time() + self._timeout) * 1000))

    def close(self) -> None:
        """End the server, and a client's wait with it."""
        self._invocations.put(None)
        self._server.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own looks the host's name up, which can take seconds without a network.
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def close(self) -> None:
        threading.Thread(target=self._stop, name="lambda-runtime-api-stop", daemon=True).start()

    def _stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was killed in the middle of a request."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one segment, at once: the client's delayed acknowledgement of a first
    # segment would cost 40 ms an invocation.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if self.path != f"{_PREFIX}/invocation/next":
            self._answer(404)
            return
        handed = self.server.api.next()
        if handed is None:
            self.close_connection = True
            return
        invocation, deadline = handed
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        if invocation.client_context:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        self._answer(200, headers, invocation.event)

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == f"{_PREFIX}/init/error":
            self.server.api.reports.put(InitError(payload))
            self._answer(202, {}, b'{"status":"OK"}')
            return
        parts = self.path.removeprefix(f"{_PREFIX}/invocation/").split("/")
        if len(parts) != 2 or parts[1] not in ("response", "error"):
            self._answer(404)
            return
        self.server.api.reports.put(Answer(parts[0], payload, failed=parts[1] == "error"))
        self._answer(202, {}, b'{"status":"OK"}')

    def _answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the function's log is what matters."""
