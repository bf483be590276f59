"""Cooldowns: what a policy's last scalings still forbid.

Source: Application Auto Scaling User Guide, "Define cooldown periods"
(https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html)
and the StepScalingPolicyConfiguration reference. Not published, and modelled: a cooldown belongs to
the policy that scaled; a scaling under way counts as a cooldown that has not begun to run down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from darkroom.autoscaling.policies import ScalingPolicy, StepScalingPolicy


@dataclass(frozen=True)
class Scaling:
    """One scaling by a policy.

    Attributes:
        base: the capacity that it was counted from; scale-outs during its cooldown count from it too.
        capacity: what it set.
        completed: when the capacity was reached, in seconds; None while it is under way.
    """

    base: int
    capacity: int
    completed: float | None = None


@dataclass(frozen=True)
class PolicyState:
    """A policy's last scaling in each direction; None when no cooldown comes from it."""

    scale_out: Scaling | None = None
    scale_in: Scaling | None = None


PolicyStates = Mapping[str, PolicyState]


def scale_out_base(policy: ScalingPolicy, state: PolicyState, capacity: int, now: float) -> int:
    """The capacity that a scale-out counts from.

    "While the cooldown period is in effect, the capacity added by the initiating scale-out activity is
    calculated as part of the desired capacity for the next scale-out activity": +2, then +3 during
    the cooldown, adds one more. So during the cooldown only a larger scale-out has an effect.
    """
    cooldown = policy.cooldown if isinstance(policy, StepScalingPolicy) else policy.scale_out_cooldown
    if state.scale_out is not None and _holds(state.scale_out, cooldown, now):
        return state.scale_out.base
    return capacity


def scale_in_is_blocked(policy: ScalingPolicy, state: PolicyState, now: float) -> bool:
    """Whether "scale-in activities are blocked until the cooldown period has expired" applies."""
    cooldown = policy.cooldown if isinstance(policy, StepScalingPolicy) else policy.scale_in_cooldown
    return state.scale_in is not None and _holds(state.scale_in, cooldown, now)


def _holds(scaling: Scaling, cooldown: float, now: float) -> bool:
    return scaling.completed is None or now < scaling.completed + cooldown


def begin(states: PolicyStates, policy: str, scaling: Scaling, capacity: int) -> dict[str, PolicyState]:
    """The states once ``policy`` has begun ``scaling`` away from ``capacity``.

    A scale-out by any policy ends the scale-in cooldowns: "if another alarm triggers a scale-out
    activity during the scale-in cooldown period [...] the scale-in cooldown period stops and doesn't
    complete".
    """
    after = dict(states)
    own = after.get(policy, PolicyState())
    if scaling.capacity < capacity:
        after[policy] = replace(own, scale_in=scaling)
        return after
    after[policy] = replace(own, scale_out=scaling)
    return {name: replace(state, scale_in=None) for name, state in after.items()}


def complete(states: PolicyStates, now: float) -> dict[str, PolicyState]:
    """The states once the scalings under way have reached their capacity: cooldowns start now."""

    def completed(scaling: Scaling | None) -> Scaling | None:
        if scaling is None or scaling.completed is not None:
            return scaling
        return replace(scaling, completed=now)

    return {
        name: PolicyState(completed(state.scale_out), completed(state.scale_in))
        for name, state in states.items()
    }
