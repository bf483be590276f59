"""The way out of a VPC: an HTTP proxy for each attachment; it passes on what can be reached, drops the rest.

Whatever a function or a job sends over HTTP takes it (``http_proxy``): AWS's SDK, urllib and pip alike. A
packet that has no route is answered by nobody: the connection is held for a moment and dropped, where on AWS
it would run into its time-out. A program that opens sockets of its own is not held back.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from darkroom.sandbox.aws_errors import service_of
from darkroom.sandbox.context import Settings
from darkroom.sandbox.http_server import RequestHandler, SandboxHttpServer, WsgiApp
from darkroom.sandbox.network.attachment import Attachment
from darkroom.sandbox.network.reachability import Way, way

# Wall seconds that a connection to nowhere is held.
UNREACHABLE_SECONDS = 0.5
_CUSTOM_RESOURCE_ANSWERS = "/_darkroom/cloudformation/"
# Services whose API and runtime are signed with one name, and where the runtime's paths begin.
_RUNTIMES = {
    "sagemaker": ("/endpoints/", "sagemaker.runtime", "sagemaker.api"),
    "bedrock": ("/guardrail/", "bedrock-runtime", "bedrock"),
}


# Where a request's environment says how it came; a server's own environment has no such name.
PASSAGE = "darkroom.passage"


@dataclass(frozen=True)
class Passage:
    """How a request comes out of a VPC; ``answers`` is the region of a custom resource it answers for."""

    way: Way
    answers: str | None = None


class Routers:
    """The routers there are, made when something is first attached."""

    def __init__(self) -> None:
        self.app: WsgiApp | None = None
        self._lock = threading.Lock()
        self._servers: dict[Attachment, SandboxHttpServer] = {}

    def variables(self, attachment: Attachment | None, settings: Settings) -> dict[str, str]:
        """The environment variables that make a process use its router; none without an attachment."""
        if attachment is None:
            return {}
        url = f"http://127.0.0.1:{self._port(attachment, settings)}"
        # The runtime's own API is at 127.0.0.1, and is no part of the network.
        return {"http_proxy": url, "https_proxy": url, "no_proxy": "127.0.0.1"}

    def stop(self) -> None:
        """End all of them."""
        with self._lock:
            for server in self._servers.values():
                server.shutdown()
                server.server_close()
            self._servers.clear()

    def _port(self, attachment: Attachment, settings: Settings) -> int:
        with self._lock:
            if attachment not in self._servers:
                if self.app is None:
                    raise RuntimeError("the routers were not told what they route to")
                server = _Router(self.app, attachment, urlsplit(settings.url).netloc)
                server.start()
                self._servers[attachment] = server
            return int(self._servers[attachment].server_address[1])


class _Handler(RequestHandler):
    """One connection from inside the VPC."""

    _passed: Passage | None = None

    def run_wsgi(self) -> None:
        found = cast(_Router, self.server).passage(self.path, self.make_environ())
        reason = found.way.refusal
        if reason is None:
            # What comes after reads the target as a server does: the path alone.
            target = urlsplit(self.path)
            self.path = target._replace(scheme="", netloc="").geturl()
            self._passed = found
            super().run_wsgi()
            return
        print(f"dropped in the VPC: {self.command} {self.path.partition('?')[0]}: {reason}", flush=True)
        time.sleep(UNREACHABLE_SECONDS)
        self.close_connection = True

    def make_environ(self) -> dict[str, Any]:
        """The request, and the VPC endpoints that it came through."""
        return {**super().make_environ(), PASSAGE: self._passed}


class _Router(SandboxHttpServer):
    """A proxy on a port of its own, for one attachment."""

    handler = _Handler

    def __init__(self, app: WsgiApp, attachment: Attachment, aws: str) -> None:
        super().__init__(0, app)
        self._attachment = attachment
        self._aws = aws

    def passage(self, target: str, environ: dict[str, Any]) -> Passage:
        """How a request arrives, or why it goes nowhere."""
        if environ["REQUEST_METHOD"] == "CONNECT" or urlsplit(target).netloc != self._aws:
            return Passage(Way(refusal="no route to the internet"))
        service = endpoint_service(environ)
        if not service:
            return Passage(Way(refusal="not a service with an endpoint"))
        answers = str(environ["PATH_INFO"]).startswith(_CUSTOM_RESOURCE_ANSWERS)
        return Passage(way(self._attachment, service), self._attachment.region if answers else None)


def endpoint_service(environ: dict[str, Any]) -> str:
    """The service of a request as endpoint services are named; empty for what no endpoint is for."""
    path = str(environ["PATH_INFO"])
    signed = service_of(environ)
    presigned = "X-Amz-Credential" in environ["QUERY_STRING"]
    if not signed and (presigned or path.startswith(_CUSTOM_RESOURCE_ANSWERS)):
        # On AWS the place for a custom resource's answer is a presigned URL of S3, too.
        return "s3"
    if signed in _RUNTIMES:
        start, runtime, api = _RUNTIMES[signed]
        return runtime if path.startswith(start) else api
    return signed
