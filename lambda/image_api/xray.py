"""Sends finished spans to X-Ray as subsegments, through the daemon that Lambda runs beside the function.

One datagram a span to AWS_XRAY_DAEMON_ADDRESS: nothing is waited for, and no network of ours is needed. What
is sent: names, times, ids and the attributes that our own code sets. No exception's text, no parameter of a
call. Source: X-Ray developer guide, "X-Ray segment documents" and "Sending segment documents to the X-Ray
daemon".
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

from image_api.trace_context import root_of

_HEADER = b'{"format": "json", "version": 1}\n'
# Of a span of a call of AWS: OpenTelemetry's semantic conventions, and X-Ray's name for each.
_AWS_FIELDS = {"rpc.method": "operation", "cloud.region": "region", "aws.request_id": "request_id"}
_STATUS_CODE = "http.response.status_code"
# Datagrams end at 64 KB; ours are under two.
_LONGEST = 60_000


class XRayExporter(SpanExporter):
    """Writes datagrams; whatever goes wrong costs the span and nothing else."""

    def __init__(self, address: str) -> None:
        """``address`` is ``host:port``, or ``tcp:host:port udp:host:port``."""
        self._address = _udp_address(address)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send each span; never raises."""
        try:
            for span in spans:
                text = json.dumps(document(span), separators=(",", ":")).encode()
                if len(text) <= _LONGEST:
                    self._socket.sendto(_HEADER + text, self._address)
        except Exception:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the socket."""
        self._socket.close()


def document(span: ReadableSpan) -> dict[str, Any]:
    """A finished span that has a parent, as X-Ray's subsegment."""
    context, parent = span.get_span_context(), span.parent
    if context is None or parent is None or span.start_time is None or span.end_time is None:
        raise ValueError("only a finished span with a parent is a subsegment")
    attributes = dict(span.attributes or {})
    written: dict[str, Any] = {
        "type": "subsegment",
        "name": span.name,
        "id": f"{context.span_id:016x}",
        "trace_id": root_of(context.trace_id),
        "parent_id": f"{parent.span_id:016x}",
        "start_time": span.start_time / 1e9,
        "end_time": span.end_time / 1e9,
    }
    if span.kind is SpanKind.CLIENT:
        written |= _call(attributes)
    if span.links:
        written["links"] = [
            {"trace_id": root_of(link.context.trace_id), "id": f"{link.context.span_id:016x}"}
            for link in span.links
        ]
    annotations = {_annotation(key): value for key, value in attributes.items() if "." not in key}
    if annotations:
        written["annotations"] = annotations
    if span.status.status_code is StatusCode.ERROR:
        # By its class alone: an exception's text may repeat the request.
        kind = str(attributes.get("error.type", "error"))
        written["fault"] = True
        written["cause"] = {"exceptions": [{"id": written["id"], "type": kind, "message": kind}]}
    return written


def _call(attributes: Mapping[str, Any]) -> dict[str, Any]:
    aws = {name: attributes[key] for key, name in _AWS_FIELDS.items() if key in attributes}
    if _STATUS_CODE not in attributes:
        return {"namespace": "aws", "aws": aws}
    status = int(attributes[_STATUS_CODE])
    flags = {"throttle": status == 429, "error": 400 <= status < 500}
    return {
        "namespace": "aws",
        "aws": aws,
        "http": {"response": {"status": status}},
        **{name: True for name, is_set in flags.items() if is_set},
    }


def _annotation(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", key)


def _udp_address(address: str) -> tuple[str, int]:
    parts = address.split()
    chosen = next((part.removeprefix("udp:") for part in parts if part.startswith("udp:")), parts[0])
    host, _, port = chosen.rpartition(":")
    return host, int(port)
