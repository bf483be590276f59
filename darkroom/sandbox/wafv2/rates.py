"""How often each address asked lately."""

from __future__ import annotations

import threading
from collections import deque

# AWS WAF looks at rates every ten seconds (developer guide, "Rate-based rule caveats"); here, too, a window
# moves by as much.
_SLOT_SECONDS = 10.0


class Rates:
    """Requests counted by whatever name they are asked for, within a window that slides with the clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[tuple[str, ...], deque[list[float]]] = {}

    def count(self, name: tuple[str, ...], window_seconds: float, now: float) -> int:
        """Count one request; returns how many there were within the window, this one included."""
        slot = now // _SLOT_SECONDS * _SLOT_SECONDS
        with self._lock:
            slots = self._slots.setdefault(name, deque())
            while slots and slots[0][0] <= now - window_seconds:
                slots.popleft()
            if not slots or slots[-1][0] != slot:
                slots.append([slot, 0])
            slots[-1][1] += 1
            return int(sum(number for _, number in slots))
