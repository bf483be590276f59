"""One request: what was sent, and what API Gateway calls its context."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from darkroom.sandbox.moments import datetime_of

MOUNT = "/execute-api/"


@dataclass(frozen=True)
class Request:
    """A request as it came.

    Attributes:
        path: the part after the stage, percent-encoded, with a leading slash.
        headers: values in the order sent, by name (WSGI has lost the names' case).
        length: what Content-Length says; None when the body is chunked.
    """

    api_id: str
    stage: str
    method: str
    path: str
    query: Mapping[str, list[str]]
    raw_query: str
    headers: Mapping[str, list[str]]
    source_ip: str
    protocol: str
    length: int | None
    body: Any
    moment: datetime
    trace: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended_id: str = field(default_factory=lambda: uuid.uuid4().hex[:15] + "=")

    def header(self, name: str) -> str:
        """The last value of a header, or nothing; ``name`` in lower case."""
        for known, values in self.headers.items():
            if known.lower() == name:
                return values[-1]
        return ""

    @property
    def target(self) -> str:
        """Path and query as they were sent: what a signature covers."""
        path = f"{MOUNT}{self.api_id}/{self.stage}{self.path}"
        return f"{path}?{self.raw_query}" if self.raw_query else path

    @property
    def request_time(self) -> str:
        """As in ``$context.requestTime``: CLF."""
        return self.moment.strftime("%d/%b/%Y:%H:%M:%S +0000")

    @property
    def request_time_epoch(self) -> int:
        """Milliseconds."""
        return int(self.moment.timestamp() * 1000)


def request_of(environ: Mapping[str, Any], now: float) -> Request:
    """Read a WSGI environment whose path begins with the mount."""
    # PATH_INFO is decoded already, so %2F in an id would look like a separator.
    raw = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or quote(environ["PATH_INFO"]))
    path = raw.split("?", 1)[0]
    path = path[path.index(MOUNT) + len(MOUNT) :]
    api_id, _, rest = path.partition("/")
    stage, slash, rest = rest.partition("/")
    length = environ.get("CONTENT_LENGTH")
    return Request(
        api_id=api_id,
        stage=stage,
        method=str(environ["REQUEST_METHOD"]).upper(),
        path=slash + rest or "/",
        query=_multiple(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)),
        raw_query=str(environ.get("QUERY_STRING", "")),
        headers=_headers(environ),
        source_ip=str(environ.get("REMOTE_ADDR", "127.0.0.1")),
        protocol=str(environ.get("SERVER_PROTOCOL", "HTTP/1.1")),
        length=int(length) if length else None if environ.get("wsgi.input_terminated") else 0,
        body=environ["wsgi.input"],
        moment=datetime_of(now),
        trace=str(environ.get("HTTP_X_AMZN_TRACE_ID") or ""),
    )


def _headers(environ: Mapping[str, Any]) -> dict[str, list[str]]:
    names = {"CONTENT_TYPE": "Content-Type", "CONTENT_LENGTH": "Content-Length"}
    headers = {}
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            headers[key[5:].replace("_", "-").title()] = [str(value)]
        elif key in names and value:
            headers[names[key]] = [str(value)]
    return headers


def _multiple(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values
