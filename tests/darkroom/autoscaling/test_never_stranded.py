"""No queue waits at zero instances for good, whatever comes: the policies played minute by minute."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.autoscaling.alarms import AlarmRule, AlarmState, evaluate_alarm
from darkroom.autoscaling.capacity import Breach, Proposal, decide, propose
from darkroom.autoscaling.cooldowns import PolicyState, Scaling, begin, complete
from darkroom.autoscaling.policies import (
    CapacityLimits,
    ScalingPolicy,
    StepAdjustment,
    StepScalingPolicy,
    TargetTrackingPolicy,
)
from darkroom.autoscaling.target_tracking import high_alarm, low_alarm

TRACKING = TargetTrackingPolicy("tracking", 0.75, (), scale_out_cooldown=60, scale_in_cooldown=120)
LEAVE_ZERO = StepScalingPolicy("leave-zero", "ChangeInCapacity", (StepAdjustment(1, lower=0),), cooldown=300)
WAITING = AlarmRule("GreaterThanOrEqualToThreshold", 1, 2, 2, 60, "missing")
LIMITS = CapacityLimits(0, 4)


@dataclass
class Alarm:
    """An alarm over a metric that arrives ``delay`` minutes late."""

    rule: AlarmRule
    delay: int
    state: AlarmState = "INSUFFICIENT_DATA"
    series: list[float | None] = field(default_factory=list)

    def evaluate(self, value: float | None) -> float | None:
        """Take the minute's value; give the newest one seen while the alarm is in ALARM."""
        self.series.append(value)
        seen: list[float | None] = [None] * self.rule.evaluation_range
        seen += self.series[: len(self.series) - self.delay] + [None] * min(self.delay, len(self.series))
        window = seen[-self.rule.evaluation_range :]
        self.state = evaluate_alarm(self.rule, window, self.state)
        newest = next((point for point in reversed(window) if point is not None), None)
        return newest if self.state == "ALARM" else None


@dataclass
class Endpoint:
    """A queue in front of a fleet, a minute at a time."""

    start_up: int
    images_per_minute: int
    desired: int = 0
    running: int = 0
    ready_at: int | None = None
    backlog: int = 0

    def set_desired(self, desired: int, minute: int) -> None:
        self.desired = desired
        self.ready_at = minute + self.start_up if desired > self.running else minute

    def pass_minute(self, minute: int, arrivals: int) -> float | None:
        """Serve a minute; give the utilization, of which there is none without instances."""
        if self.ready_at is not None and minute >= self.ready_at:
            self.running, self.ready_at = self.desired, None
        self.backlog += arrivals
        capacity = self.running * self.images_per_minute
        served = min(self.backlog, capacity)
        self.backlog -= served
        return served / capacity if capacity else None


def longest_stranding(
    arrivals: list[int], endpoint: Endpoint, delay: int, policies: list[ScalingPolicy]
) -> int:
    """The most minutes in a row with a queue, no instance, and none asked for."""
    high, low = Alarm(high_alarm(TRACKING), delay), Alarm(low_alarm(TRACKING), delay)
    waiting = Alarm(WAITING, delay)
    states: dict[str, PolicyState] = {}
    stranded = longest = 0
    for minute, arriving in enumerate(arrivals):
        under_way = endpoint.ready_at is not None
        utilization = endpoint.pass_minute(minute, arriving)
        now = 60.0 * minute
        if under_way and endpoint.ready_at is None:
            states = complete(states, now)
        breaches = [
            (TRACKING, high.evaluate(utilization), high.rule, False),
            (TRACKING, low.evaluate(utilization), low.rule, True),
            (
                LEAVE_ZERO,
                waiting.evaluate(float(endpoint.backlog > 0 and endpoint.running == 0)),
                WAITING,
                False,
            ),
        ]
        proposals: list[Proposal] = []
        for policy, metric, rule, scales_in in breaches:
            if metric is None or policy not in policies:
                continue
            breach = Breach(metric, rule.threshold, scales_in)
            proposal = propose(policy, states.get(policy.name, PolicyState()), breach, endpoint.desired, now)
            proposals += [proposal] if proposal else []
        chosen = decide(policies, proposals, LIMITS, endpoint.desired)
        if chosen is not None and endpoint.ready_at is None:
            states = begin(states, chosen.policy, Scaling(chosen.base, chosen.capacity), endpoint.desired)
            endpoint.set_desired(chosen.capacity, minute)
        stranded = stranded + 1 if endpoint.backlog and not endpoint.desired else 0
        longest = max(longest, stranded)
    return longest


scenarios = given(
    # Spells of silence are long enough for the fleet to go back to zero.
    st.lists(st.one_of(st.just([0] * 20), st.lists(st.integers(0, 30), max_size=15)), max_size=8),
    st.integers(1, 10),
    st.integers(1, 20),
    st.integers(0, 2),
)


def check_never_stranded(spells: list[list[int]], start_up: int, images_per_minute: int, delay: int) -> None:
    arrivals = [count for spell in spells for count in spell] + [0] * 20
    endpoint = Endpoint(start_up, images_per_minute)
    longest = longest_stranding(arrivals, endpoint, delay, [TRACKING, LEAVE_ZERO])
    # Two datapoints and the metric's delay; a scaling under way may have to end first.
    assert longest <= WAITING.evaluation_periods + delay + 1


@settings(max_examples=500, deadline=None)
@scenarios
def test_a_queue_at_zero_instances_is_never_stranded(
    spells: list[list[int]], start_up: int, images_per_minute: int, delay: int
) -> None:
    check_never_stranded(spells, start_up, images_per_minute, delay)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None)
@scenarios
def test_a_queue_at_zero_instances_is_never_stranded_in_ten_thousand_scenarios(
    spells: list[list[int]], start_up: int, images_per_minute: int, delay: int
) -> None:
    check_never_stranded(spells, start_up, images_per_minute, delay)


@pytest.mark.parametrize("arrivals", [[5] + [0] * 60, [3] * 60])
def test_without_the_step_policy_the_queue_waits_for_good(arrivals: list[int]) -> None:
    """The simulation can fail: target tracking alone never leaves zero."""
    assert longest_stranding(arrivals, Endpoint(3, 10), 0, [TRACKING]) == len(arrivals)


def test_the_fleet_comes_up_from_zero_and_goes_back() -> None:
    endpoint = Endpoint(start_up=4, images_per_minute=10)
    longest_stranding([30] + [0] * 10, endpoint, 1, [TRACKING, LEAVE_ZERO])
    assert (endpoint.running, endpoint.backlog) == (1, 0)
    longest_stranding([0] * 40, endpoint, 1, [TRACKING, LEAVE_ZERO])
    assert endpoint.running == 0
