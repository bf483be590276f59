"""Step scaling: how far a breach moves the capacity.

Source: Application Auto Scaling User Guide, "How step scaling works"
(https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html), and the
StepScalingPolicyConfiguration reference.
"""

from __future__ import annotations

import math
from itertools import pairwise

from darkroom.autoscaling.policies import StepAdjustment, StepScalingPolicy


def find_step(policy: StepScalingPolicy, breach: float) -> StepAdjustment | None:
    """The step for ``breach``, the metric minus the alarm's threshold; None where steps leave a gap.

    Bounds above the threshold include the lower and exclude the upper; below it (an alarm on a low
    metric) they exclude the lower and include the upper, so that the sides mirror each other.
    """
    return next((step for step in policy.steps if _holds(step, breach)), None)


def _holds(step: StepAdjustment, breach: float) -> bool:
    lower = -math.inf if step.lower is None else step.lower
    upper = math.inf if step.upper is None else step.upper
    if breach >= 0 and upper > 0:
        return lower <= breach < upper
    return lower < breach <= upper


def step_capacity(policy: StepScalingPolicy, base: int, breach: float) -> int:
    """The capacity that the policy asks for, from ``base``, not yet within the target's limits."""
    step = find_step(policy, breach)
    if step is None:
        return base
    match policy.adjustment_type:
        case "ExactCapacity":
            return step.adjustment
        case "ChangeInCapacity":
            return max(0, base + step.adjustment)
        case "PercentChangeInCapacity":
            return max(0, base + _percent_change(policy, base, step.adjustment))


def _percent_change(policy: StepScalingPolicy, base: int, percent: int) -> int:
    """A percentage of ``base``, rounded as AWS does.

    "Values greater than 1 are rounded down (12.7 to 12). Values between 0 and 1 are rounded to 1
    [...] between 0 and -1 are rounded to -1. Values less than -1 are rounded up (-6.67 to -6)."
    MinAdjustmentMagnitude then widens the change to at least that much.
    """
    exact = base * percent / 100
    change = math.trunc(exact)
    if 0 < abs(exact) < 1:
        change = 1 if exact > 0 else -1
    if change and policy.minimum_adjustment is not None:
        change = int(math.copysign(max(abs(change), policy.minimum_adjustment), change))
    return change


def check_steps(policy: StepScalingPolicy) -> None:
    """Raise ValueError where AWS refuses a policy's steps.

    PutScalingPolicy: the ranges of the step adjustments must neither overlap nor have a gap, one may
    have no lower bound and one no upper, and lower must be below upper.
    """
    if not policy.steps:
        raise ValueError(
            f"the step scaling policy {policy.name!r} has no step adjustments: give at least one"
        )
    ordered = sorted(policy.steps, key=lambda step: -math.inf if step.lower is None else step.lower)
    for step in ordered:
        lower = -math.inf if step.lower is None else step.lower
        upper = math.inf if step.upper is None else step.upper
        if lower >= upper:
            raise ValueError(
                f"the step scaling policy {policy.name!r}: a step's lower bound {step.lower} "
                f"must be below its upper bound {step.upper}"
            )
    for step, following in pairwise(ordered):
        if step.upper is None or following.lower is None or step.upper != following.lower:
            raise ValueError(
                f"the step scaling policy {policy.name!r}: the steps up to {step.upper} and from "
                f"{following.lower} overlap or leave a gap; each must start where the one before ends"
            )
