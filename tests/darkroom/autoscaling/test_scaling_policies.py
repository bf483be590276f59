"""What policies ask for, by the Application Auto Scaling User Guide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.autoscaling.alarms import AlarmRule
from darkroom.autoscaling.capacity import Breach, Proposal, apply_scheduled_action, decide, propose
from darkroom.autoscaling.cooldowns import PolicyState, Scaling, begin, complete
from darkroom.autoscaling.policies import (
    AdjustmentType,
    CapacityLimits,
    ScalingPolicy,
    ScheduledAction,
    StepAdjustment,
    StepScalingPolicy,
    TargetTrackingPolicy,
)
from darkroom.autoscaling.step_scaling import check_steps, step_capacity
from darkroom.autoscaling.target_tracking import (
    TargetTrackingModel,
    high_alarm,
    low_alarm,
    scale_in_capacity,
    scale_out_capacity,
)

TRACKING = TargetTrackingPolicy("tracking", 0.75, (), scale_out_cooldown=60, scale_in_cooldown=120)
FRESH = PolicyState()


def step_policy(*steps: StepAdjustment, kind: AdjustmentType = "ChangeInCapacity") -> StepScalingPolicy:
    return StepScalingPolicy("step", kind, steps, cooldown=300)


LEAVE_ZERO = step_policy(StepAdjustment(1, lower=0))


def test_the_alarm_pair_is_three_minutes_above_and_fifteen_below_nine_tenths() -> None:
    """User Guide, "How target tracking scaling works", and the alarms seen on AWS."""
    assert high_alarm(TRACKING) == AlarmRule("GreaterThanThreshold", 0.75, 3, 3, 60)
    assert low_alarm(TRACKING) == AlarmRule("LessThanThreshold", 0.75 * 0.9, 15, 15, 60)


@pytest.mark.parametrize(
    ("base", "metric", "expected"), [(2, 1.5, 4), (3, 0.75, 3), (3, 0.76, 4), (1, 7.5, 10), (0, 100.0, 0)]
)
def test_scale_out_is_proportional_and_never_leaves_zero(base: int, metric: float, expected: int) -> None:
    """facts: ceil(capacity x metric / target) out; 0 at capacity 0."""
    assert scale_out_capacity(TRACKING, base, metric) == expected


@given(st.integers(1, 100), st.floats(0, 0.67), st.floats(0.1, 1.0))
def test_scale_in_keeps_the_metric_at_or_under_the_target_and_takes_a_limited_share(
    base: int, metric: float, share: float
) -> None:
    after = scale_in_capacity(TRACKING, base, metric, TargetTrackingModel(scale_in_share=share))
    assert 0 <= after <= base
    assert base - after <= max(1, base * share)
    if after:
        assert metric * base / after <= TRACKING.target * (1 + 1e-6)
    else:
        assert metric == pytest.approx(0)


def test_scale_in_reaches_zero_from_one_when_nothing_is_used() -> None:
    assert scale_in_capacity(TRACKING, 1, 0.0) == 0


@pytest.mark.parametrize(("breach", "expected"), [(0, 11), (9.9, 11), (10, 12), (20, 13), (1e9, 13)])
def test_steps_above_the_threshold_include_their_lower_bound(breach: float, expected: int) -> None:
    """User Guide, "Step adjustments": lower bound inclusive, upper exclusive, above the threshold."""
    policy = step_policy(StepAdjustment(1, 0, 10), StepAdjustment(2, 10, 20), StepAdjustment(3, 20, None))
    assert step_capacity(policy, 10, breach) == expected


@pytest.mark.parametrize(("breach", "expected"), [(0, 9), (-9.9, 9), (-10, 8), (-1e9, 8), (5, 10)])
def test_steps_below_the_threshold_include_their_upper_bound(breach: float, expected: int) -> None:
    policy = step_policy(StepAdjustment(-1, -10, 0), StepAdjustment(-2, None, -10))
    assert step_capacity(policy, 10, breach) == expected


@pytest.mark.parametrize(
    ("percent", "base", "expected"),
    [
        # User Guide: 12.7 is rounded to 12, 0.67 to 1, -0.58 to -1, -6.67 to -6.
        (127, 10, 22),
        (67, 1, 2),
        (-58, 1, 0),
        (-67, 10, 4),
    ],
)
def test_a_percentage_is_rounded_as_the_user_guide_says(percent: int, base: int, expected: int) -> None:
    policy = step_policy(StepAdjustment(percent, 0), kind="PercentChangeInCapacity")
    assert step_capacity(policy, base, 1) == expected


def test_the_minimum_adjustment_widens_a_percentage() -> None:
    steps = (StepAdjustment(10, 0),)
    policy = StepScalingPolicy("step", "PercentChangeInCapacity", steps, minimum_adjustment=2)
    assert step_capacity(policy, 4, 1) == 6


def test_an_exact_capacity_is_set_whatever_was_there() -> None:
    assert step_capacity(step_policy(StepAdjustment(5, 0), kind="ExactCapacity"), 2, 1) == 5


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((), "no step adjustments"),
        ((StepAdjustment(1, 10, 5),), "must be below its upper bound"),
        ((StepAdjustment(1, 0, 10), StepAdjustment(2, 15, None)), "overlap or leave a gap"),
        ((StepAdjustment(1, 0, 10), StepAdjustment(2, 5, None)), "overlap or leave a gap"),
        ((StepAdjustment(1, 0, None), StepAdjustment(2, 5, None)), "overlap or leave a gap"),
    ],
)
def test_steps_that_aws_refuses_are_refused(steps: tuple[StepAdjustment, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_steps(step_policy(*steps))


def test_during_the_scale_out_cooldown_only_a_larger_scale_out_goes_through() -> None:
    """StepScalingPolicyConfiguration reference: +2, then +3 during the cooldown, adds only 1."""
    policy = step_policy(StepAdjustment(2, 0, 10), StepAdjustment(3, 10, None))
    state = PolicyState(scale_out=Scaling(base=4, capacity=6, completed=1000))
    assert propose(policy, state, Breach(5, 0), 6, now=1100) is None
    assert propose(policy, state, Breach(15, 0), 6, now=1100) == Proposal("step", 7, 4)
    assert propose(policy, state, Breach(5, 0), 6, now=1300) == Proposal("step", 8, 6)


def test_a_cooldown_does_not_run_down_while_the_instances_are_starting() -> None:
    state = PolicyState(scale_out=Scaling(base=0, capacity=1, completed=None))
    assert propose(LEAVE_ZERO, state, Breach(1, 1), 1, now=1e9) is None


def test_during_the_scale_in_cooldown_no_scale_in_starts_and_a_scale_out_does_at_once() -> None:
    """User Guide, "Define cooldown periods"."""
    state = PolicyState(scale_in=Scaling(base=6, capacity=4, completed=1000))
    low, high = Breach(0.1, 0.675, scales_in=True), Breach(1.5, 0.75)
    assert propose(TRACKING, state, low, 4, now=1100) is None
    assert propose(TRACKING, state, high, 4, now=1100) == Proposal("tracking", 8, 4)
    assert propose(TRACKING, state, low, 4, now=1120) == Proposal("tracking", 2, 4)


def test_a_scale_out_by_any_policy_ends_every_scale_in_cooldown() -> None:
    states = {"tracking": PolicyState(scale_in=Scaling(6, 4, 1000.0))}
    after = begin(states, "step", Scaling(4, 5), capacity=4)
    assert after == {"tracking": FRESH, "step": PolicyState(scale_out=Scaling(4, 5))}


def test_a_cooldown_starts_when_the_scaling_completes() -> None:
    states = begin({}, "step", Scaling(0, 1), capacity=0)
    assert complete(states, 500.0)["step"].scale_out == Scaling(0, 1, 500.0)
    assert complete(complete(states, 500.0), 900.0)["step"].scale_out == Scaling(0, 1, 500.0)


def test_disabled_scale_in_never_takes_capacity_away() -> None:
    policy = TargetTrackingPolicy("tracking", 0.75, (), disable_scale_in=True)
    assert propose(policy, FRESH, Breach(0, 0.675, scales_in=True), 4, now=0) is None


def test_each_alarm_of_target_tracking_moves_the_capacity_its_own_way_only() -> None:
    assert propose(TRACKING, FRESH, Breach(0.1, 0.75), 4, now=0) is None
    assert propose(TRACKING, FRESH, Breach(1.5, 0.675, scales_in=True), 4, now=0) is None


SECOND = TargetTrackingPolicy("second", 1.0, ())
ONE_WAY = TargetTrackingPolicy("one-way", 1.0, (), disable_scale_in=True)
LIMITS = CapacityLimits(0, 8)


@pytest.mark.parametrize(
    ("policies", "asked", "expected"),
    [
        # User Guide, "Multiple scaling policies".
        ([TRACKING, SECOND], {"tracking": 6, "second": 7}, 7),
        ([TRACKING, SECOND], {"tracking": 6, "second": 2}, 6),
        ([TRACKING, SECOND], {"tracking": 2, "second": 3}, 3),
        ([TRACKING, SECOND], {"tracking": 2}, None),
        ([TRACKING, ONE_WAY], {"tracking": 2}, 2),
        ([TRACKING, LEAVE_ZERO], {"tracking": 2}, 2),
        ([TRACKING, LEAVE_ZERO], {"step": 3}, 3),
        ([TRACKING], {"tracking": 20}, 8),
        ([TRACKING], {}, None),
    ],
)
def test_several_policies_are_decided_on_together(
    policies: list[ScalingPolicy], asked: dict[str, int], expected: int | None
) -> None:
    proposals = [Proposal(name, capacity, 4) for name, capacity in asked.items()]
    chosen = decide(policies, proposals, LIMITS, 4)
    assert (chosen.capacity if chosen else None) == expected


@given(
    st.dictionaries(st.sampled_from(["tracking", "second", "step"]), st.integers(0, 50)),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(0, 10),
)
def test_a_decision_lies_within_the_limits_and_changes_something(
    asked: dict[str, int], minimum: int, span: int, capacity: int
) -> None:
    limits = CapacityLimits(minimum, minimum + span)
    proposals = [Proposal(name, wanted, capacity) for name, wanted in asked.items()]
    chosen = decide([TRACKING, SECOND, LEAVE_ZERO], proposals, limits, capacity)
    if chosen is not None:
        assert limits.minimum <= chosen.capacity <= limits.maximum
        assert chosen.capacity != capacity


@pytest.mark.parametrize(
    ("minimum", "maximum", "capacity", "limits", "expected"),
    [
        (3, None, 1, CapacityLimits(3, 8), 3),
        (None, 2, 5, CapacityLimits(0, 2), 2),
        (1, 4, 2, CapacityLimits(1, 4), 2),
        (0, 0, 3, CapacityLimits(0, 0), 0),
    ],
)
def test_a_scheduled_action_sets_the_limits_and_clamps_at_once(
    minimum: int | None, maximum: int | None, capacity: int, limits: CapacityLimits, expected: int
) -> None:
    """User Guide, "How scheduled scaling works"."""
    action = ScheduledAction("open", "rate(1 day)", minimum=minimum, maximum=maximum)
    assert apply_scheduled_action(action, LIMITS, capacity) == (limits, expected)


def test_a_scheduled_minimum_above_the_maximum_in_force_is_refused() -> None:
    with pytest.raises(ValueError, match="give 0 <= minimum <= maximum"):
        apply_scheduled_action(ScheduledAction("open", "rate(1 day)", minimum=9), LIMITS, 0)
