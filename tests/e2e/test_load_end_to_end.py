"""A deployed campaign under the planner's arrivals: what must be alike is, whatever this machine's speed."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from rich.console import Console

from darkroom.operations.load.command import LoadRequest, run_load
from darkroom.planner.plan import Assumptions
from darkroom.planner.traffic_source import TrafficSource
from tests.e2e.deployment import Deployment

pytestmark = pytest.mark.e2e

PROFILE = """
duration: 4m
requests_per_second: 0.15
prompts: {distinct: 4, exponent: 1.0, unique_share: 0.1}
"""


@pytest.fixture
def request_of(demo: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadRequest:
    for name, value in demo.sandbox.env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    (tmp_path / "profile.yaml").write_text(PROFILE)
    return LoadRequest(
        "demo",
        TrafficSource(tmp_path / "profile.yaml"),
        Assumptions(seed=3),
        json=tmp_path / "load.json",
        html=tmp_path / "load.html",
    )


def test_every_request_is_made_when_it_is_due_and_the_cache_answers_what_the_planner_said(
    demo: Deployment, request_of: LoadRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inferences = demo.endpoint()["inferences"]
    found = run_load(request_of, boto3.Session(), Console(width=120))
    assert found is not None
    content = json.loads((tmp_path / "load.json").read_text())
    predicted = content["predicted"]

    assert found.errors == {}
    assert found.requests == predicted["requests"]
    assert found.drawn == predicted["drawn"]
    assert found.hit_share == pytest.approx(predicted["hit_share"])
    assert demo.endpoint()["inferences"] == inferences + found.drawn
    assert content["clock_speed"] == 20
    assert 0 < found.wait_of_misses.p50 <= found.wait_of_misses.maximum
    assert "<svg" in (tmp_path / "load.html").read_text()
    printed = capsys.readouterr().out
    assert "measured" in printed
    assert "predicted" in printed
