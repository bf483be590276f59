"""The requests of a day or a week: when they come and which prompt each asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from darkroom.planner.queue_kernel import FloatArray


@dataclass(frozen=True)
class Traffic:
    """Requests to simulate.

    Attributes:
        start: the date and time, in UTC, that seconds count from; a whole minute.
        seconds: how long the traffic lasts; requests may be over before.
        arrivals: in order.
        prompts: one an arrival; below 0 a prompt of its own.
        description: where they come from, in a few words.
    """

    start: datetime
    seconds: float
    arrivals: FloatArray
    prompts: NDArray[np.int32]
    description: str = ""

    def __len__(self) -> int:
        return len(self.arrivals)
