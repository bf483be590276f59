"""One scalable target at work: policies invoked, decisions carried out, cooldowns kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from moto.applicationautoscaling.models import FakeScalableTarget

from darkroom.autoscaling.capacity import Breach, Proposal, decide, propose
from darkroom.autoscaling.cooldowns import PolicyState, Scaling, begin, complete
from darkroom.autoscaling.policies import CapacityLimits, ScalingPolicy, TargetTrackingPolicy
from darkroom.sandbox.application_autoscaling.activities import ScalingActivities
from darkroom.sandbox.application_autoscaling.tracking_alarms import is_low_alarm
from darkroom.sandbox.application_autoscaling.variant import (
    Variant,
    VariantCapacity,
    VariantError,
    capacity_of,
    set_capacity,
)


class PolicyInvocation(Protocol):
    """An alarm's call on a policy, as CloudWatch makes it.

    Attributes:
        policy_arn: the alarm's action.
        metric: the alarm's newest datapoint.
    """

    @property
    def policy_arn(self) -> str: ...
    @property
    def alarm_name(self) -> str: ...
    @property
    def alarm_state(self) -> str: ...
    @property
    def metric(self) -> float: ...
    @property
    def threshold(self) -> float: ...


def policy_of(invocation: PolicyInvocation) -> str:
    """The ARN of the policy: target tracking's own alarms add who made them to it."""
    return invocation.policy_arn.partition(":createdBy/")[0]


def limits_of(target: FakeScalableTarget) -> CapacityLimits:
    """The capacity limits of moto's scalable target."""
    return CapacityLimits(target.min_capacity or 0, target.max_capacity or 0)


def registered_limits(
    known: FakeScalableTarget | None, minimum: int | None, maximum: int | None
) -> CapacityLimits:
    """The limits after a registration of ``known`` or a new target; what it leaves out stays as it was.

    Raises:
        ValueError: a new target lacks one, or they contradict each other.
    """
    if known is not None:
        minimum = known.min_capacity if minimum is None else minimum
        maximum = known.max_capacity if maximum is None else maximum
    if minimum is None or maximum is None:
        raise ValueError("a new scalable target needs both MinCapacity and MaxCapacity")
    return CapacityLimits(minimum, maximum)


def suspended_of(target: FakeScalableTarget) -> Mapping[str, bool]:
    """The SuspendedState of moto's scalable target."""
    state: Any = target.suspended_state
    return state or {}


@dataclass
class TargetScaling:
    """What is remembered of a scalable target between two moments.

    Attributes:
        states: each policy's cooldowns.
        out_of_limits: the limits were changed and the capacity does not lie within them yet.
    """

    variant: Variant
    activities: ScalingActivities
    states: dict[str, PolicyState] = field(default_factory=dict)
    out_of_limits: bool = False

    def invoke(
        self,
        policies: Mapping[str, ScalingPolicy],
        invocations: Sequence[PolicyInvocation],
        limits: CapacityLimits,
        suspended: Mapping[str, bool],
        now: float,
    ) -> None:
        """Let the policies that alarms invoke at ``now`` propose, decide, and carry the decision out.

        Args:
            policies: all policies of the target, by ARN.
            invocations: the alarms' calls, of policies in ``policies``.
            suspended: the target's SuspendedState.
        """
        try:
            capacity = capacity_of(self.variant).desired
        except VariantError:
            return  # the endpoint is being deleted, and the target after it
        proposals: list[Proposal] = []
        causes: dict[str, str] = {}
        for invocation in invocations:
            policy = policies[policy_of(invocation)]
            proposal = self._propose(policy, invocation, capacity, now)
            if proposal is not None and not _is_suspended(proposal, capacity, suspended):
                proposals.append(proposal)
                causes[policy.name] = (
                    f"monitor alarm {invocation.alarm_name} in state {invocation.alarm_state} "
                    f"triggered policy {policy.name}"
                )
        chosen = decide(list(policies.values()), proposals, limits, capacity)
        if chosen is not None and self._request(chosen.capacity, causes[chosen.policy], now):
            scaling = Scaling(chosen.base, chosen.capacity)
            self.states = begin(self.states, chosen.policy, scaling, capacity)

    def _propose(
        self, policy: ScalingPolicy, invocation: PolicyInvocation, capacity: int, now: float
    ) -> Proposal | None:
        low = isinstance(policy, TargetTrackingPolicy) and is_low_alarm(invocation.alarm_name)
        breach = Breach(invocation.metric, invocation.threshold, scales_in=low)
        return propose(policy, self.states.get(policy.name, PolicyState()), breach, capacity, now)

    def enforce(self, limits: CapacityLimits, now: float) -> None:
        """Bring the capacity within ``limits``, which were just set; cooldowns don't matter here."""
        try:
            capacity = capacity_of(self.variant).desired
        except VariantError:
            return
        wanted = limits.clamp(capacity)
        self.out_of_limits = wanted != capacity
        if self.out_of_limits:
            side = "minimum" if wanted > capacity else "maximum"
            self.out_of_limits = not self._request(wanted, f"{side} capacity was set to {wanted}", now)

    def retry(self, limits: CapacityLimits, now: float) -> None:
        """Enforce ``limits`` that SageMaker refused before, once it has finished what it was doing."""
        try:
            settled = capacity_of(self.variant).settled
        except VariantError:
            return
        if self.out_of_limits and settled:
            self.enforce(limits, now)

    def watch(self, now: float) -> None:
        """Finish the activity under way once its capacity is reached: cooldowns start then."""
        for activity in self.activities.under_way():
            if activity.resource_id != self.variant.resource_id or activity.capacity is None:
                continue
            try:
                capacity = capacity_of(self.variant)
            except VariantError as error:
                activity.finish("Failed", str(error), now)
                continue
            if _is_reached(capacity, activity.capacity):
                message = (
                    f"Successfully set desired instance count to {activity.capacity}. "
                    "Change successfully fulfilled by sagemaker."
                )
                activity.finish("Successful", message, now)
                self.states = complete(self.states, now)
            elif capacity.desired != activity.capacity:
                text = f"The desired instance count was changed to {capacity.desired} by another caller."
                activity.finish("Overridden", text, now)
                self.states = complete(self.states, now)

    def _request(self, capacity: int, cause: str, now: float) -> bool:
        resource_id = self.variant.resource_id
        try:
            set_capacity(self.variant, capacity)
        except VariantError as error:
            self.activities.capacity_refused(resource_id, capacity, cause, str(error), now)
            return False
        self.activities.capacity_requested(resource_id, capacity, cause, now)
        return True


def _is_reached(capacity: VariantCapacity, wanted: int) -> bool:
    return capacity.settled and capacity.desired == wanted


def _is_suspended(proposal: Proposal, capacity: int, suspended: Mapping[str, bool]) -> bool:
    key = "DynamicScalingOutSuspended" if proposal.capacity > capacity else "DynamicScalingInSuspended"
    return bool(suspended.get(key))
