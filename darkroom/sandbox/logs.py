"""CloudWatch Logs: events are kept as long as their log group's retention says.

moto keeps them for ever, and a sandbox that runs for days would keep nothing else.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from moto.logs.models import LogGroup, logs_backends

from darkroom.sandbox.context import Context

_EXPIRY_SECONDS = 3600.0
_DAY_SECONDS = 86400


def install(context: Context) -> None:
    """Expire log events by the sandbox's clock."""
    context.every(_EXPIRY_SECONDS, expire)


def expire(moment: float) -> None:
    """Delete the events whose retention has passed at ``moment`` (sandbox seconds)."""
    backends: list[Any] = [backend for _, _, backend in list(logs_backends.iter_backends())]
    for backend in backends:
        for group in list(backend.groups.values()):
            if group.retention_in_days:
                oldest = moment - int(group.retention_in_days) * _DAY_SECONDS
                _delete_before(group, oldest * 1000)


def _delete_before(group: LogGroup, milliseconds: float) -> None:
    for stream in list(group.streams.values()):
        # In place: functions write to the same list meanwhile.
        del stream.events[: bisect_left(stream.events, milliseconds, key=lambda event: event.timestamp)]
