"""What ``--optimize`` understands, the schedules it makes, and that what it finds holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from darkroom.campaign import ResolvedCampaign
from darkroom.planner import optimizer
from darkroom.planner.distributions import StartUp, parse_start_up
from darkroom.planner.forecast import Demand, schedule_for
from darkroom.planner.objective import parse_objective
from darkroom.planner.optimizer import optimize
from darkroom.planner.plan import Assumptions
from darkroom.planner.problem import PlanError
from darkroom.planner.synthesis import with_scaling
from darkroom.planner.traffic_source import TrafficSource


@pytest.mark.parametrize(
    "text", ["p95 < 9.7s", "p99<2min", "drawn-p95 < 30s, expired < 0.1%", "over-goal < 5%"]
)
def test_objectives_are_waits_and_shares(text: str) -> None:
    assert parse_objective(text).text == text


@pytest.mark.parametrize("text", ["", "fast", "p95 > 9s", "p95 < 9", "p95 < 9%", "expired < 3s", "p95 < 0s"])
def test_what_is_no_objective_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match="is no objective"):
        parse_objective(text)


def test_a_schedule_orders_what_is_needed_ahead_of_time_and_lets_go_when_it_is_over() -> None:
    start = datetime(2026, 11, 16, tzinfo=UTC)
    actions = schedule_for(Demand(1800, (0.0, 0.0, 2.4, 2.2, 0.4)), headroom=1.0, lead=600, start=start)
    assert [(action["at"], action["min_instances"]) for action in actions] == [
        ("2026-11-16T00:50:00", 3),
        ("2026-11-16T02:00:00", 1),
    ]


def test_start_up_times_are_one_two_or_three_numbers() -> None:
    assert parse_start_up("426") == StartUp(426, 426, 426)
    assert parse_start_up("240-540") == StartUp(240, 390, 540)
    assert parse_start_up("240-426-540") == StartUp()
    for text in ("", "soon", "5-4", "1-2-3-4"):
        with pytest.raises(PlanError):
            parse_start_up(text)


@pytest.fixture
def morning(tmp_path: Path) -> TrafficSource:
    file = tmp_path / "morning.yaml"
    file.write_text(
        "duration: 2h\nrequests_per_second: 0.5\n"
        'ramps: [{at: "00:45", rise: 5m, hold: 20m, fall: 5m, requests_per_second: 4}]\n'
        "prompts: {distinct: 1000, exponent: 1.0, unique_share: 0.5}\n"
    )
    return TrafficSource(file)


def test_the_search_finds_a_plan_that_holds_and_the_lines_for_it(
    launch: ResolvedCampaign, morning: TrafficSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizer, "_ROUNDS", 1)  # every setting once: each asks the CDK for its templates
    found = optimize(parse_objective("p95 < 9.7s"), launch, morning.load(), Assumptions())
    assert found.holds
    assert found.planned.summary.wait.p95 < 9.7
    lines = yaml.safe_load(found.yaml_lines())["scaling"]
    assert with_scaling(launch, lines).file.scaling.max_instances == lines["max_instances"]


@pytest.mark.soak
def test_the_search_says_so_when_nothing_holds(launch: ResolvedCampaign, morning: TrafficSource) -> None:
    found = optimize(parse_objective("drawn-p50 < 1s"), launch, morning.load(), Assumptions())
    assert not found.holds  # a picture alone takes 7 s
