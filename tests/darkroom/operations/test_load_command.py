"""What `darkroom load` says before it asks anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from darkroom.operations.load.command import LoadError, LoadRequest, run_load
from darkroom.planner.plan import Assumptions
from darkroom.planner.traffic_source import TrafficSource

NOBODY = None
"""No session: whoever asks AWS for anything fails."""


@pytest.fixture
def request_of(tmp_path: Path) -> LoadRequest:
    profile = tmp_path / "profile.yaml"
    profile.write_text("{duration: 4m, requests_per_second: 0.15}")
    return LoadRequest("demo", TrafficSource(profile), Assumptions(seed=3))


def test_a_dry_run_says_what_would_be_asked_and_cost_and_asks_nothing(
    request_of: LoadRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_load(replace(request_of, dry_run=True), NOBODY, Console(width=200)) is None
    printed = capsys.readouterr().out
    assert "requests in 4.0 min" in printed
    assert "Predicted to cost $0." in printed


def test_what_is_predicted_to_cost_more_than_allowed_is_not_begun(request_of: LoadRequest) -> None:
    with pytest.raises(LoadError, match=r"more than \$0.01: allow it with --max-cost 1"):
        run_load(replace(request_of, maximum_cost=0.01), NOBODY, Console())


def test_a_time_in_which_nobody_asks_is_no_load(request_of: LoadRequest) -> None:
    with pytest.raises(LoadError, match="give more --seconds"):
        run_load(replace(request_of, seconds=1e-6), NOBODY, Console())
