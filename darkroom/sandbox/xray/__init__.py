"""X-Ray: traces out of what API Gateway, Lambda and the functions themselves tell."""

from __future__ import annotations

from typing import Any

from moto.xray import models

from darkroom.sandbox.context import Context
from darkroom.sandbox.xray.daemon import Daemon
from darkroom.sandbox.xray.header import Trace, arrive, new_id
from darkroom.sandbox.xray.store import TraceStore

__all__ = ["Trace", "arrive", "daemon_address", "install", "new_id", "put"]

_daemon: Daemon | None = None


def install(context: Context) -> None:
    """Keep traces in ``context``; call it before the rooms that tell of themselves."""
    global _daemon
    models.SegmentCollection = TraceStore  # type: ignore[misc, assignment]
    models.xray_backends.clear()
    _daemon = Daemon(context)


def daemon_address(account_id: str, region: str) -> str | None:
    """Where a function of that account and region sends its spans; None without this room."""
    return None if _daemon is None else _daemon.address(account_id, region)


def put(account_id: str, region: str, trace: Trace, segment: dict[str, Any]) -> None:
    """Keep a segment of a service, under the trace's parent, if the trace is sampled.

    Times are wall seconds.
    """
    if _daemon is None or not trace.sampled:
        return
    parent = {"parent_id": trace.parent} if trace.parent else {}
    _daemon.put(account_id, region, {"trace_id": trace.root, **parent, **segment})
