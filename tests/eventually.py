"""Waiting for what happens on another thread, in another process or by a clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_LONGEST_PAUSE = 0.4


def eventually(
    check: Callable[[], Any], what: str = "it", *, seconds: float = 15.0, every: float = 0.02
) -> Any:
    """Wait for ``check`` to give something true, and give that.

    It is asked again after ``every`` seconds, and then at longer and longer intervals: what takes long is not
    kept from its work by being asked about.

    Raises:
        AssertionError: it gave nothing within ``seconds``.
    """
    end = time.monotonic() + seconds
    pause = every
    while True:
        if found := check():
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(pause)
        pause = max(every, min(1.5 * pause, _LONGEST_PAUSE))
