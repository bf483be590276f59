"""The HTTP server of the sandbox: a thread a connection, kept alive, answered in one packet.

A thread a connection and no pool, because requests wait for each other: an API request waits for
its Lambda function, which calls DynamoDB at this same server. A pool that is full of the former
would never serve the latter. werkzeug's own server closes every connection and waits 10 ms after
each answer, which development can afford and a measured front-end can't; its parsing is used.
"""

from __future__ import annotations

import io
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http.server import HTTPServer
from socketserver import ThreadingMixIn
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

# A thousand clients may connect at the same moment; the kernel cuts this to net.core.somaxconn.
_BACKLOG = 2048
# An idle connection's thread is not kept for ever.
_IDLE_SECONDS = 120.0
# What S3 takes in one PUT, the largest body of any service.
_LONGEST_BODY = 5 * 1024**3
_INTERNAL_ERROR = ("500 Internal Server Error", [("Content-Type", "text/plain")], b"the sandbox failed\n")


class RequestHandler(MotoRequestHandler):
    """One connection. moto's handler parses (S3 metadata names keep their underscores)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    # Head and body leave in one write.
    wbufsize = -1

    def handle_expect_100(self) -> bool:
        """Tell a client that waits before it sends its body to go on, at once."""
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wfile.flush()
        return True

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        refusal = _length_refusal(environ.get("CONTENT_LENGTH"))
        if refusal is not None:
            # Where the next request of this connection begins is not known.
            self.close_connection = True
            self._send(refusal, [("Content-Type", "text/plain")], b"")
            return
        # The body is read to its end before anything is answered: what is left of it would be
        # taken for the next request of this connection.
        chunked = environ.get("wsgi.input_terminated", False)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read() if chunked else self.rfile.read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        self._send(*_respond(self.server.app, environ))

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        names = {name.lower() for name, _ in headers}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        code = int(status.split(" ", 1)[0])
        if "date" not in names:
            lines.append(f"Date: {formatdate(usegmt=True)}")
        if "content-length" not in names and code not in (204, 304):
            lines.append(f"Content-Length: {len(body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.wfile.write(head if self.command == "HEAD" else head + body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """No line a request: a campaign makes thousands."""


class SandboxHttpServer(ThreadingMixIn, HTTPServer):
    """Serves one WSGI app on localhost.

    Raises:
        OSError: the port is taken.
    """

    handler: type[RequestHandler] = RequestHandler
    daemon_threads = True
    # The default waits for every connection's thread at close; kept-alive ones would hold it up.
    block_on_close = False
    request_queue_size = _BACKLOG
    allow_reuse_address = True
    # What werkzeug's request handler asks of its server.
    ssl_context = None
    multithread = True
    multiprocess = False
    _server_version = "darkroom-sandbox"

    def __init__(self, port: int, app: WsgiApp) -> None:
        self.app = app
        super().__init__(("127.0.0.1", port), self.handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            traceback.print_exc()

    def start(self) -> threading.Thread:
        """Serve on a thread of its own until ``shutdown``."""
        thread = threading.Thread(target=self.serve_forever, name="http", daemon=True)
        thread.start()
        return thread


def _length_refusal(declared: str | None) -> str | None:
    """The status of a request whose Content-Length can't be served; None when it can."""
    if not declared:
        return None
    if not (declared.isascii() and declared.isdigit()):
        return "400 Bad Request"
    return "413 Content Too Large" if int(declared) > _LONGEST_BODY else None


def _respond(app: WsgiApp, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Run the app to the end of its answer."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written = io.BytesIO()

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Any:
        started.append((status, list(headers)))
        return written.write

    try:
        parts = app(environ, start_response)
        try:
            written.write(b"".join(parts))
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
        status, headers = started[-1]
    except Exception:
        traceback.print_exc()
        return _INTERNAL_ERROR
    return status, headers, written.getvalue()
