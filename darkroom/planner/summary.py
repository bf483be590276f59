"""The figures of one run, as tables and JSON show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from darkroom.planner.outcome import Outcome, Percentiles


@dataclass(frozen=True)
class Summary:
    """What a plan says of one policy; times in seconds, money in dollars.

    Attributes:
        wait: from request to answer, of every request; a picture that is there is 0.
        wait_of_misses: from request to picture, of those it was drawn for.
        queueing: of that, in the queue.
        over_goal: share of all requests that waited longer than ``goal``.
        expired: requests that got no picture because their time to live was over.
        cost_per_image: over the pictures that were drawn; None when there were none.
        most_instances: in service at once.
    """

    policy: str
    requests: int
    hits: int
    coalesced: int
    drawn: int
    expired: int
    wait: Percentiles
    wait_of_misses: Percentiles
    queueing: Percentiles
    goal: float
    over_goal: float
    instance_hours: float
    cost: float
    cost_per_image: float | None
    utilization: float
    most_instances: int
    scalings: int

    @property
    def hit_share(self) -> float:
        """Requests that cost no drawing, of all."""
        return (self.hits + self.coalesced) / self.requests if self.requests else 0.0

    @property
    def expired_share(self) -> float:
        """Expired requests, of all."""
        return self.expired / self.requests if self.requests else 0.0

    def as_json(self) -> Mapping[str, Any]:
        """For json.dumps."""
        return {**asdict(self), "hit_share": self.hit_share, "expired_share": self.expired_share}


def summarize(policy: str, outcome: Outcome, *, dollars_an_hour: float, goal: float) -> Summary:
    """The figures of ``outcome``."""
    cost = outcome.instance_hours * dollars_an_hour
    return Summary(
        policy=policy,
        requests=len(outcome.traffic),
        hits=outcome.hits,
        coalesced=outcome.coalesced,
        drawn=outcome.drawn,
        expired=outcome.expired_requests,
        wait=outcome.wait,
        wait_of_misses=outcome.wait_of_misses,
        queueing=outcome.queueing,
        goal=goal,
        over_goal=outcome.share_over(goal),
        instance_hours=outcome.instance_hours,
        cost=cost,
        cost_per_image=cost / outcome.drawn if outcome.drawn else None,
        utilization=outcome.utilization,
        most_instances=max((minute.in_service for minute in outcome.minutes), default=0),
        scalings=len(outcome.decisions),
    )
