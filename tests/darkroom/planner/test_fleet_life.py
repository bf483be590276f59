"""Instances that start, serve, drain and are billed; schedules that move them."""

from __future__ import annotations

import pytest

from darkroom.autoscaling.policies import ScheduledAction
from darkroom.planner.simulation import simulate
from tests.darkroom.planner.scenarios_for_tests import endpoint_of, target_of, traffic_of


def test_a_scheduled_minimum_orders_instances_that_serve_after_their_start_up() -> None:
    scheduled = [ScheduledAction("open", "at(2026-11-16T00:10:00)", "UTC", minimum=2)]
    endpoint = endpoint_of(target_of(0, 4, scheduled=scheduled))
    outcome = simulate(endpoint, traffic_of([60.0], 3600))
    # Ordered at 600 s, serving from 900 s, drawing for 10 s.
    assert outcome.waits[0] == pytest.approx(850.0)
    assert [(one.moment, one.capacity, one.cause) for one in outcome.decisions] == [(600, 2, "open")]
    assert max(minute.in_service for minute in outcome.minutes) == 2


def test_a_schedule_follows_its_time_zone() -> None:
    scheduled = [ScheduledAction("open", "cron(0 8 * * ? *)", "Asia/Tokyo", minimum=1)]
    endpoint = endpoint_of(target_of(0, 1, scheduled=scheduled))
    outcome = simulate(endpoint, traffic_of([60.0], 86400))
    assert [one.moment for one in outcome.decisions] == [23 * 3600]  # 08:00 in Tokyo is 23:00 in UTC


def test_an_instance_that_is_told_to_go_finishes_its_picture_and_is_billed_until_then() -> None:
    scheduled = [ScheduledAction("close", "at(2026-11-16T00:10:00)", "UTC", minimum=0, maximum=0)]
    endpoint = endpoint_of(target_of(1, 1, scheduled=scheduled), request_time_to_live=900)
    outcome = simulate(endpoint, traffic_of([595.0, 596.0], 3600))
    assert outcome.waits.tolist() == pytest.approx([10.0, 900.0])
    assert outcome.expired_jobs == 1
    assert outcome.instance_seconds == pytest.approx(605.0)


def test_an_instance_that_never_served_is_billed_from_its_order_to_its_end() -> None:
    scheduled = [
        ScheduledAction("up", "at(2026-11-16T00:10:00)", "UTC", minimum=1),
        ScheduledAction("down", "at(2026-11-16T00:12:00)", "UTC", minimum=0, maximum=0),
    ]
    outcome = simulate(endpoint_of(target_of(0, 1, scheduled=scheduled)), traffic_of([], 3600))
    assert outcome.instance_seconds == pytest.approx(120.0)
    assert outcome.utilization == 0


def test_a_fixed_fleet_costs_its_instances_for_the_whole_time() -> None:
    outcome = simulate(endpoint_of(target_of(3, 3)), traffic_of([5.0], 3600))
    assert outcome.instance_hours == pytest.approx(3.0, abs=0.01)


def test_the_same_seed_gives_the_same_run_and_another_another() -> None:
    from darkroom.planner.distributions import ServiceTime

    endpoint = endpoint_of(target_of(1, 1), service=ServiceTime(10.0, 0.5))
    traffic = traffic_of([float(number) for number in range(0, 600, 5)], 3600)
    first, again, other = (simulate(endpoint, traffic, seed=seed).waits for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
