"""From what the policies ask for to the capacity that is set.

Sources: Application Auto Scaling User Guide, "Multiple scaling policies" and "Scheduled scaling"
(https://docs.aws.amazon.com/autoscaling/application/userguide/).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from darkroom.autoscaling.cooldowns import PolicyState, scale_in_is_blocked, scale_out_base
from darkroom.autoscaling.policies import (
    CapacityLimits,
    ScalingPolicy,
    ScheduledAction,
    StepScalingPolicy,
    TargetTrackingPolicy,
)
from darkroom.autoscaling.step_scaling import step_capacity
from darkroom.autoscaling.target_tracking import (
    AS_OBSERVED,
    TargetTrackingModel,
    scale_in_capacity,
    scale_out_capacity,
)


@dataclass(frozen=True)
class Breach:
    """An alarm in ALARM that invokes a policy.

    Attributes:
        metric: the newest datapoint.
        threshold: the alarm's.
        scales_in: it is target tracking's low alarm; a step policy's direction is in its steps.
    """

    metric: float
    threshold: float
    scales_in: bool = False


@dataclass(frozen=True)
class Proposal:
    """The capacity that one policy asks for, and the capacity it was counted from."""

    policy: str
    capacity: int
    base: int


def propose(
    policy: ScalingPolicy,
    state: PolicyState,
    breach: Breach,
    capacity: int,
    now: float,
    model: TargetTrackingModel = AS_OBSERVED,
) -> Proposal | None:
    """What ``policy`` asks for when ``breach`` invokes it; None when it leaves the capacity alone.

    Args:
        state: the policy's cooldowns.
        capacity: the capacity desired at present.
        now: seconds, on the clock of ``state``.
    """
    if isinstance(policy, TargetTrackingPolicy) and breach.scales_in:
        if policy.disable_scale_in:
            return None
        return _scale_in(
            policy, state, scale_in_capacity(policy, capacity, breach.metric, model), capacity, now
        )
    if isinstance(policy, StepScalingPolicy):
        desired = step_capacity(policy, capacity, breach.metric - breach.threshold)
        if desired < capacity:
            return _scale_in(policy, state, desired, capacity, now)
    base = scale_out_base(policy, state, capacity, now)
    if isinstance(policy, StepScalingPolicy):
        desired = step_capacity(policy, base, breach.metric - breach.threshold)
    else:
        desired = scale_out_capacity(policy, base, breach.metric)
    return Proposal(policy.name, desired, base) if desired > capacity else None


def _scale_in(
    policy: ScalingPolicy, state: PolicyState, desired: int, capacity: int, now: float
) -> Proposal | None:
    if desired >= capacity or scale_in_is_blocked(policy, state, now):
        return None
    return Proposal(policy.name, desired, capacity)


def decide(
    policies: Sequence[ScalingPolicy], proposals: Sequence[Proposal], limits: CapacityLimits, capacity: int
) -> Proposal | None:
    """The proposal to carry out, clamped to ``limits``; None to leave ``capacity`` as it is.

    "Application Auto Scaling scales out the target if any of the target tracking policies are ready
    for scale out, but will scale in only if all of the target tracking policies (with the scale-in
    portion enabled) are ready to scale in"; of several, the policy "that provides the largest
    capacity for both scale in and scale out" wins. Scale-in by a step policy asks no other policy.
    """
    within = [replace(proposal, capacity=limits.clamp(proposal.capacity)) for proposal in proposals]
    outs = [proposal for proposal in within if proposal.capacity > capacity]
    if outs:
        return max(outs, key=lambda proposal: proposal.capacity)
    tracking = {policy.name for policy in policies if isinstance(policy, TargetTrackingPolicy)}
    ready = {proposal.policy for proposal in proposals if proposal.capacity < capacity}
    needed = {
        policy.name
        for policy in policies
        if isinstance(policy, TargetTrackingPolicy) and not policy.disable_scale_in
    }
    ins = [
        proposal
        for proposal in within
        if proposal.capacity < capacity and (proposal.policy not in tracking or needed <= ready)
    ]
    return max(ins, key=lambda proposal: proposal.capacity, default=None)


def apply_scheduled_action(
    action: ScheduledAction, limits: CapacityLimits, capacity: int
) -> tuple[CapacityLimits, int]:
    """The limits and the capacity once ``action`` has run.

    "At the specified time, if the current capacity is below the minimum capacity, Application Auto
    Scaling scales out to the minimum capacity [...] above the maximum capacity, scales in to the
    maximum." Cooldowns do not hold it back.

    Raises:
        ValueError: the new minimum is above the maximum in force, or the other way round.
    """
    new = CapacityLimits(
        limits.minimum if action.minimum is None else action.minimum,
        limits.maximum if action.maximum is None else action.maximum,
    )
    return new, new.clamp(capacity)
