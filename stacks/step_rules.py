"""The step policies of a backlog-aware campaign: out by the instances that lack, in by those that are spare.

Both count in instances and order the difference, so that an order stands on its own. Target tracking
multiplies the desired count, which already holds instances that are ordered and not in service yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from darkroom.campaign import ResolvedCampaign
from stacks.utilization import (
    NAMESPACE,
    Expression,
    MetricQuery,
    backlog_query,
    campaign_dimensions,
    instances_query,
    misses_query,
)

MOST_STEPS = 20
"""Step adjustments of a policy (Application Auto Scaling user guide, "Quotas")."""

START_UP = 300
"""Seconds of the scale-out policy's cooldown, about an instance's start-up: while it lasts only a larger
breach adds, and only the difference (same guide, "How step scaling works"): nothing is ordered twice."""

SURGE_PERIOD = 10
"""The shortest period of an alarm (CloudWatch user guide, "High-resolution alarms")."""

SURGE_PERIODS = 4
"""With three, bursts that the fleet draws within a minute order instances that come when they are over."""

HALF_AN_INSTANCE = 0.5
"""The threshold of what lacks: the step of k instances begins at k - 0.5."""

DRAIN_MINUTES = 5
"""Minutes in which the backlog is to be drawn: about an instance's start-up. For what the fleet draws sooner
an instance ordered now would come too late."""

BACKLOG_MINUTES = 3
"""As target tracking, which would be in its place, waits."""

CATCH_UP = 1.5
"""Instances ordered over those that the growth itself needs: what piles up while they start is drawn too."""

SPARE_MINUTES = 8
"""Minutes an instance is spare before it goes: longer than one usually takes to come back (426 s)."""


@dataclass(frozen=True)
class Step:
    """``adjustment`` instances where lower <= metric - threshold < upper; no upper is without end."""

    adjustment: int
    lower: int
    upper: int | None


@dataclass(frozen=True)
class StepAlarm:
    """An alarm on a step policy: the last expression at or above the threshold, so many periods on end."""

    name: str
    description: str
    metrics: Sequence[MetricQuery]
    expressions: Sequence[Expression]
    period: int
    periods: int
    threshold: float
    missing: str


@dataclass(frozen=True)
class StepRule:
    """A step policy and the alarms that invoke it, each with the instances to order as its metric."""

    name: str
    alarms: Sequence[StepAlarm]
    steps: Sequence[Step]
    cooldown: int


def out(campaign: ResolvedCampaign, *, variant: str) -> StepRule:
    """Out by the instances that lack: within a minute at a surge, in three by what waits.

    One policy for both alarms, so that they share its cooldown: until an order is served, and then for as
    long as the cooldown lasts, another is counted from the same capacity and adds only what the first one
    lacked. A step policy takes any number of alarms (PutScalingPolicy, "Alarms"). Target tracking in the
    slow alarm's place doubled what the surge had ordered while its instances started.
    """
    return StepRule(
        name="out",
        alarms=[_surge(campaign), _backlog(campaign, variant)],
        steps=_steps(campaign.file.scaling.max_instances, lambda instances: instances.stop - 1),
        cooldown=max(START_UP, campaign.file.scaling.scale_out_cooldown),
    )


def _surge(campaign: ResolvedCampaign) -> StepAlarm:
    """More pictures are asked for than are drawn.

    A fleet that keeps up completes what is missed, whatever its size, so the difference needs no instance
    count and is there at zero instances too. A metric without a sample counts as 0 where another has one
    (CloudWatch user guide, "Using math expressions"); filling it would invent a calm for the period that
    nothing has been logged of yet.
    """
    ours = campaign_dimensions(campaign.name)
    drawn = campaign.workers_per_instance * SURGE_PERIOD / campaign.seconds_per_image
    # A refused picture was drawn, too.
    moderation = campaign.file.moderation
    is_moderated = moderation is not None and moderation.pictures is not None
    refused = MetricQuery("refused", NAMESPACE, "PicturesRefused", "Sum", ours, "Pictures refused")
    growth = "misses - completed - failed" + (" - refused" if is_moderated else "")
    return StepAlarm(
        name="surge",
        description="More pictures are asked for than are drawn: bring the instances that lack.",
        metrics=[
            misses_query(campaign),
            MetricQuery("completed", NAMESPACE, "PicturesCompleted", "Sum", ours, "Pictures completed"),
            MetricQuery("failed", NAMESPACE, "JobsFailed", "Sum", ours, "Jobs failed"),
            *([refused] if is_moderated else []),
        ],
        expressions=[
            Expression("growth", growth, "Backlog's growth (pictures in 10 s)"),
            Expression("lacking", f"growth / {drawn:.6g} * {CATCH_UP:g}", "Instances that lack"),
        ],
        period=SURGE_PERIOD,
        periods=SURGE_PERIODS,
        threshold=HALF_AN_INSTANCE,
        missing="notBreaching",
    )


def _backlog(campaign: ResolvedCampaign, variant: str) -> StepAlarm:
    """More waits and comes than the instances will draw: what grows too slowly for the surge alarm."""
    return StepAlarm(
        name="backlog",
        description="More waits than is drawn in minutes: bring the instances that lack.",
        metrics=[instances_query(campaign, variant), backlog_query(campaign), misses_query(campaign)],
        expressions=[
            *_needed(campaign, drain=DRAIN_MINUTES),
            Expression("lacking", "needed - FILL(instances, REPEAT)", "Instances that lack"),
        ],
        period=60,
        periods=BACKLOG_MINUTES,
        threshold=HALF_AN_INSTANCE,
        missing="missing",
    )


def spare(campaign: ResolvedCampaign, *, variant: str) -> StepRule:
    """In, at most half of what is spare at a time, when neither backlog nor misses need it.

    The newest minute's misses count at once, with the last known instances and backlog in place of those that
    are still to come.
    """
    alarm = StepAlarm(
        name="spare",
        description="Instances stand idle and nothing waits: take them in.",
        metrics=[instances_query(campaign, variant), backlog_query(campaign), misses_query(campaign)],
        expressions=[
            *_needed(campaign, drain=1),
            Expression("spare", "FILL(instances, REPEAT) - needed", "Spare instances"),
        ],
        period=60,
        periods=SPARE_MINUTES,
        threshold=1,
        missing="missing",
    )
    scaling = campaign.file.scaling
    return StepRule(
        name="spare",
        alarms=[alarm],
        steps=_steps(scaling.max_instances, lambda instances: -math.ceil(instances.start / 2)),
        cooldown=scaling.scale_in_cooldown,
    )


def _needed(campaign: ResolvedCampaign, *, drain: int) -> Sequence[Expression]:
    """The instances that, at the target utilization, keep up and draw the backlog in ``drain`` minutes."""
    drawn = campaign.workers_per_instance * 60 / campaign.seconds_per_image
    target = campaign.file.scaling.target_utilization
    return [
        Expression("demand", f"FILL(backlog, REPEAT) / {drain} + misses", "Pictures to draw"),
        Expression("needed", f"demand / {drawn * target:.6g}", "Instances needed"),
    ]


def _steps(most: int, adjustment: Callable[[range], int]) -> Sequence[Step]:
    """Steps that tell 1 to ``most`` instances apart, several to a step where AWS's limit asks for it.

    ``adjustment`` is given the counts of instances that a step stands for.
    """
    width = math.ceil(most / MOST_STEPS)
    starts = range(0, most, width)
    return [
        Step(
            adjustment(range(start + 1, start + width + 1)),
            start,
            None if start == starts[-1] else start + width,
        )
        for start in starts
    ]
