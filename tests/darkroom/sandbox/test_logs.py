"""Log events expire by the sandbox's clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.core.base_backend import BackendDict
from moto.logs.models import LogsBackend, logs_backends

from darkroom.sandbox import logs

NOW = 2_000_000_000
DAY = 86400


@pytest.fixture
def backend() -> Iterator[LogsBackend]:
    yield logs_backends["123456789012"]["eu-west-1"]
    BackendDict.reset()


def messages_after_expiry(backend: LogsBackend, retention: str | None) -> list[str]:
    backend.create_log_group("/some/group", {})
    group = backend.groups["/some/group"]
    group.set_retention_policy(retention)
    group.create_log_stream("stream")
    for age in (10, 4, 2, 0):
        group.put_log_events("stream", [{"timestamp": (NOW - age * DAY) * 1000, "message": f"{age} days"}])
    logs.expire(NOW)
    return [event.message for event in group.streams["stream"].events]


def test_events_go_when_their_groups_retention_has_passed(backend: LogsBackend) -> None:
    assert messages_after_expiry(backend, "3") == ["2 days", "0 days"]


def test_events_of_a_group_without_retention_stay(backend: LogsBackend) -> None:
    assert len(messages_after_expiry(backend, None)) == 4
