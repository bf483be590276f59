"""``darkroom plan`` as a person uses it: the table, the files, the errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from darkroom.cli import app


@pytest.fixture
def traffic(tmp_path: Path) -> Path:
    file = tmp_path / "hour.yaml"
    file.write_text("duration: 1h\nrequests_per_second: 2\n")
    return file


def plan(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, arguments)])


def test_compare_lays_four_policies_side_by_side_and_writes_json_and_html(
    traffic: Path, tmp_path: Path
) -> None:
    figures, report = tmp_path / "plan.json", tmp_path / "plan.html"
    result = plan("national-launch", "--traffic", traffic, "--compare", "--json", figures, "--html", report)
    assert result.exit_code == 0, result.output
    content = json.loads(figures.read_text())
    names = [policy["policy"] for policy in content["policies"]]
    assert names == ["published", "backlog-aware", "backlog per instance", "fixed fleet"]
    assert len({policy["requests"] for policy in content["policies"]}) == 1
    page = report.read_text()
    for title in ("Request latency over time", "Utilization over time", "Instances in service", "Backlog"):
        assert title in page


def test_the_same_seed_prints_the_same_plan(traffic: Path) -> None:
    first, again = (plan("newsletter", "--traffic", traffic, "--seed", "3").output for _ in range(2))
    assert first == again
    assert "wait P95" in first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--traffic", "none.csv"], "No such file"),
        (["--start-up", "soon"], "is no start-up time"),
        (["--metric-delays", "1,2"], "are no metric delays"),
        (["--prompts", "many"], "is no popularity"),
        (["--prices", "none.json"], "No such file"),
        (["--service", "none.json"], "No such file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_exits_with_1(
    traffic: Path, arguments: list[str], said: str
) -> None:
    result = plan(
        "newsletter", *(["--traffic", str(traffic)] if "--traffic" not in arguments else []), *arguments
    )
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_an_unknown_campaign_is_named_with_those_there_are(traffic: Path) -> None:
    result = plan("autumn", "--traffic", traffic)
    assert result.exit_code == 1
    assert "national-launch" in result.output
