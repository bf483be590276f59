"""Whether the campaign is paused: one row of the job table, which `darkroom pause` and `resume` write.

While it is paused nothing new is drawn and nothing is given up: an attempt that ends without a picture waits
in its row (``held_at``) and is made again after the pause, as if it had never been.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_api.job import Job

CONTROL_ROW = "campaign"
"""The ``job_id`` of the row; no job can have it, for theirs are 32 hexadecimal digits."""

CACHE_SECONDS = 5
"""How long a function goes by what it read: so long after `darkroom pause` requests may still be taken."""


@dataclass(frozen=True)
class Pause:
    """What the control row says. Times are seconds since the epoch.

    Attributes:
        paused_at: since when nothing is accepted; None while the campaign runs.
        resumed_at: when the last pause ended.
    """

    paused_at: float | None = None
    resumed_at: float | None = None

    @property
    def is_paused(self) -> bool:
        """Nothing new is drawn now."""
        return self.paused_at is not None

    def excuses(self, job: Job) -> bool:
        """Whether ``job``'s attempt fell into a pause: that it failed is no fault of the request."""
        if job.held_at is not None:
            return True
        return self.resumed_at is not None and (job.submitted_at or job.updated_at) < self.resumed_at


def pause_of(item: Mapping[str, Any] | None) -> Pause:
    """The pause that a control row tells of; none where there is no row."""
    known = item or {}
    times = {name: float(known[name]["N"]) for name in ("paused_at", "resumed_at") if name in known}
    return Pause(**times)
