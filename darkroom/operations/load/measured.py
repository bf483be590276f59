"""What a run measured, in the planner's words and percentiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from darkroom.operations.load.client import Asked
from darkroom.planner.outcome import Percentiles, percentiles
from darkroom.planner.queue_kernel import FloatArray

LATE_SECONDS = 0.1
"""A client that sends a percent of its requests later than that is a part of what is measured."""


@dataclass(frozen=True)
class Measured:
    """The figures of a run; seconds of the campaign's clock but for ``lateness``.

    Attributes:
        wait: from when a request was due to its picture, of all that got one.
        wait_of_misses: the same, of those whose picture was drawn for them.
        answer: from when a request was due to the API's first answer, wall seconds.
        lateness: how late the client itself sent, wall seconds.
        errors: requests without a picture, by why.
        intended_rate, achieved_rate: requests a wall second that were due, and that were answered, over the
            time in which requests were due (answers: until the last came).
    """

    requests: int
    hits: int
    coalesced: int
    drawn: int
    wait: Percentiles
    wait_of_misses: Percentiles
    answer: Percentiles
    lateness: Percentiles
    goal: float
    over_goal: float
    errors: Mapping[str, int]
    intended_rate: float
    achieved_rate: float

    @property
    def hit_share(self) -> float:
        """Requests that cost no drawing, of all."""
        return (self.hits + self.coalesced) / self.requests if self.requests else 0.0

    @property
    def client_was_late(self) -> bool:
        """The client could not keep up: the figures are its own, too."""
        return self.lateness.p99 > LATE_SECONDS

    def as_json(self) -> dict[str, Any]:
        """For json.dumps."""
        return {**asdict(self), "hit_share": self.hit_share, "client_was_late": self.client_was_late}


def measured(asked: Sequence[Asked], *, pace: float, goal: float, seconds: float) -> Measured:
    """The figures of ``asked``.

    Args:
        pace: seconds of the campaign's clock in one of the wall's.
        goal: seconds, of the campaign's clock.
        seconds: how long requests were due, of the campaign's clock.
    """
    got = [one for one in asked if one.ready is not None and one.error is None]
    waits = waits_of(got, pace)
    answered = [one for one in asked if one.answered is not None]
    states = Counter(one.cache for one in asked if one.cache)
    last = max((one.answered or 0.0 for one in answered), default=0.0)
    length = seconds / pace
    return Measured(
        requests=len(asked),
        hits=states["hit"],
        coalesced=states["coalesced"],
        drawn=sum(one.cache == "miss" for one in got),
        wait=percentiles(waits),
        wait_of_misses=percentiles(waits[np.array([one.cache == "miss" for one in got], dtype=bool)]),
        answer=percentiles(np.array([(one.answered or 0.0) - one.due for one in answered])),
        lateness=percentiles(np.array([max(0.0, one.sent - one.due) for one in asked])),
        goal=goal,
        # Who got nothing has waited too long as well.
        over_goal=float((waits > goal).sum() + len(asked) - len(got)) / len(asked) if asked else 0.0,
        errors=dict(Counter(one.error for one in asked if one.error is not None).most_common()),
        intended_rate=len(asked) / length if length else 0.0,
        achieved_rate=len(answered) / max(last, length) if answered else 0.0,
    )


def waits_of(got: Sequence[Asked], pace: float) -> FloatArray:
    """Seconds of the campaign's clock from when each request was due to its picture.

    A picture that is there is a wait of the answer's time, which the planner counts as none.
    """
    return np.array([((one.ready or 0.0) - one.due) * pace for one in got], dtype=np.float64)
