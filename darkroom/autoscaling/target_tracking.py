"""Target tracking: the two alarms AWS makes, and the capacity it asks for.

Source: Application Auto Scaling User Guide, "How target tracking scaling works"
(https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html).
AWS publishes that it scales out in proportion and as fast as it can, and in more gradually, when the
metric is "usually more than 10% lower" than the target; it publishes no formula. What it leaves open
is in :class:`TargetTrackingModel`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from darkroom.autoscaling.alarms import AlarmRule
from darkroom.autoscaling.policies import TargetTrackingPolicy


@dataclass(frozen=True)
class TargetTrackingModel:
    """What AWS does not publish; the alarms are as seen on AWS, the rest is a model.

    Attributes:
        period: seconds of a datapoint (TargetTrackingMetricStat has no Period and uses 60).
        high_datapoints: consecutive minutes above the target before scaling out.
        low_datapoints: consecutive minutes below the low threshold before scaling in.
        low_threshold: the low alarm's threshold, as a share of the target.
        scale_in_share: the largest share of the capacity that one scale-in takes away (at least one
            instance).
    """

    period: int = 60
    high_datapoints: int = 3
    low_datapoints: int = 15
    low_threshold: float = 0.9
    scale_in_share: float = 0.5


AS_OBSERVED = TargetTrackingModel()


def high_alarm(policy: TargetTrackingPolicy, model: TargetTrackingModel = AS_OBSERVED) -> AlarmRule:
    """The alarm that scales out: above the target, 3 of 3 minutes."""
    return AlarmRule(
        "GreaterThanThreshold", policy.target, model.high_datapoints, model.high_datapoints, model.period
    )


def low_alarm(policy: TargetTrackingPolicy, model: TargetTrackingModel = AS_OBSERVED) -> AlarmRule:
    """The alarm that scales in: below 0.9 of the target, 15 of 15 minutes."""
    return AlarmRule(
        "LessThanThreshold",
        policy.target * model.low_threshold,
        model.low_datapoints,
        model.low_datapoints,
        model.period,
    )


def scale_out_capacity(policy: TargetTrackingPolicy, base: int, metric: float) -> int:
    """The capacity that would bring ``metric`` to the target: ceil(base x metric / target).

    At capacity 0 this is 0, whatever the metric: target tracking never leaves zero.
    """
    return _proportional(policy, base, metric)


def scale_in_capacity(
    policy: TargetTrackingPolicy, base: int, metric: float, model: TargetTrackingModel = AS_OBSERVED
) -> int:
    """The capacity after one careful scale-in.

    Never below what keeps the metric at or under the target, and at most ``model.scale_in_share`` of
    the capacity at once.
    """
    most = max(1, math.floor(base * model.scale_in_share))
    return max(_proportional(policy, base, metric), base - most, 0)


def _proportional(policy: TargetTrackingPolicy, base: int, metric: float) -> int:
    # Rounded first, so that 3 x 0.75 / 0.75 in floating point does not become 4.
    return max(0, math.ceil(round(base * metric / policy.target, 9)))
