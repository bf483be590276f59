"""Whose an access key is that an execution environment of a function was started with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """An execution environment that calls AWS; ``arn`` is its function's, ``crash`` kills its process."""

    function: str
    arn: str
    crash: Callable[[], None]


_lock = threading.Lock()
_callers: dict[str, Caller] = {}


def let_in(access_key: str, caller: Caller) -> None:
    """Whoever calls with ``access_key`` is ``caller``."""
    with _lock:
        _callers[access_key] = caller


def forget(access_key: str) -> None:
    """Nobody calls with it any more."""
    with _lock:
        _callers.pop(access_key, None)


def caller_of(access_key: str) -> Caller | None:
    """Who calls with it; None when it is no function's own code."""
    with _lock:
        return _callers.get(access_key)
