"""What a scalable target, its policies and its scheduled actions say; frozen, and all data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from darkroom.autoscaling.alarms import AlarmRule
from darkroom.autoscaling.metric_query import MetricQuery

AdjustmentType = Literal["ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"]


@dataclass(frozen=True)
class CapacityLimits:
    """The least and the most capacity that scaling may set."""

    minimum: int
    maximum: int

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError(
                f"the minimum capacity is {self.minimum} and the maximum {self.maximum}: "
                "give 0 <= minimum <= maximum"
            )

    def clamp(self, capacity: int) -> int:
        """The nearest capacity within the limits."""
        return min(self.maximum, max(self.minimum, capacity))


@dataclass(frozen=True)
class TargetTrackingPolicy:
    """A target tracking scaling policy.

    Attributes:
        target: the value that the metric is kept at.
        queries: the metric, or metric math, of which exactly one query returns data.
        scale_out_cooldown, scale_in_cooldown: seconds. AWS's default for a SageMaker variant is 300.
    """

    name: str
    target: float
    queries: tuple[MetricQuery, ...]
    scale_out_cooldown: float = 300.0
    scale_in_cooldown: float = 300.0
    disable_scale_in: bool = False


@dataclass(frozen=True)
class StepAdjustment:
    """One step: ``adjustment`` applies where lower <= metric - threshold < upper.

    None for a bound stands for infinity.
    """

    adjustment: int
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class StepScalingPolicy:
    """A step scaling policy; the alarms that invoke it are the user's own.

    Attributes:
        cooldown: seconds. AWS's default for a SageMaker variant is 300.
        minimum_adjustment: MinAdjustmentMagnitude, used by PercentChangeInCapacity only.
    """

    name: str
    adjustment_type: AdjustmentType
    steps: tuple[StepAdjustment, ...]
    cooldown: float = 300.0
    minimum_adjustment: int | None = None


ScalingPolicy = TargetTrackingPolicy | StepScalingPolicy


@dataclass(frozen=True)
class ScheduledAction:
    """A change of the capacity limits at given times.

    Attributes:
        schedule: ``at(...)``, ``rate(...)`` or ``cron(...)``.
        time_zone: IANA name, which at and cron are read in.
        minimum, maximum: the new limits; None leaves the one in force.
        start, end: aware datetimes between which the schedule holds.
    """

    name: str
    schedule: str
    time_zone: str = "UTC"
    minimum: int | None = None
    maximum: int | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class MetricAlarm:
    """A CloudWatch alarm on a metric or on metric math.

    Attributes:
        queries: of which exactly one returns the data that ``rule`` is about.
        alarm_actions, ok_actions, insufficient_data_actions: ARNs, or in a synthesized template the
            logical ids, of what runs when the alarm enters the state.
    """

    name: str
    rule: AlarmRule
    queries: tuple[MetricQuery, ...]
    alarm_actions: tuple[str, ...] = ()
    ok_actions: tuple[str, ...] = ()
    insufficient_data_actions: tuple[str, ...] = ()
