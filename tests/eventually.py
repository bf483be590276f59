"""Waiting for what happens on another thread, in another process or by a clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def eventually(
    check: Callable[[], Any], what: str = "it", *, seconds: float = 15.0, every: float = 0.02
) -> Any:
    """Wait for ``check`` to give something true, and give that.

    Raises:
        AssertionError: it gave nothing within ``seconds``.
    """
    end = time.monotonic() + seconds
    while True:
        if found := check():
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(every)
