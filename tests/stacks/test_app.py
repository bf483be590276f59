"""app.py as the CDK CLI runs it: what it synthesizes, and how it refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path, workspace: Path) -> Path:
    """The app with the shipped campaigns, a small bundle and a layer, in a folder that a test may change."""
    for folder in ("campaigns", "stacks", "lambda", "model_artifacts/recipes", "darkroom/campaign"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "darkroom" / "planner").mkdir()
    for file in ("app.py", "darkroom/__init__.py", "darkroom/planner/prices.json"):
        shutil.copy(REPOSITORY / file, tmp_path / file)
    shutil.copytree(workspace / "bundles", tmp_path / ".build" / "bundles")
    shutil.copy(workspace / "layer.zip", tmp_path / ".build" / "lambda-layer.zip")
    return tmp_path


def run_app(checkout: Path, **context: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(checkout / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps(
            json.loads((REPOSITORY / "cdk.json").read_text())["context"] | context
        ),
        "PYTHONPATH": str(checkout),
    }
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def stages(checkout: Path) -> set[str]:
    return {path.name.removeprefix("assembly-") for path in (checkout / "cdk.out").glob("assembly-*")}


def test_without_a_name_every_campaign_is_synthesized(checkout: Path) -> None:
    assert run_app(checkout).returncode == 0
    assert stages(checkout) == {path.stem for path in (REPOSITORY / "campaigns").glob("*.yaml")}


def test_a_named_campaign_is_synthesized_alone_though_another_file_is_broken(checkout: Path) -> None:
    (checkout / "campaigns" / "broken.yaml").write_text("{")
    answer = run_app(checkout, campaign="newsletter")
    assert answer.returncode == 0, answer.stderr
    assert stages(checkout) == {"newsletter"}


def test_a_broken_campaign_stops_the_app_with_a_list_and_nothing_is_synthesized(checkout: Path) -> None:
    demo = checkout / "campaigns" / "demo.yaml"
    demo.write_text(
        demo.read_text().replace("max_instances: 2", "max_instances: -2").replace("us-east-1", "moon")
    )
    answer = run_app(checkout)
    assert answer.returncode == 1
    assert "2 problems in the campaign files" in answer.stderr
    assert "scaling.max_instances = -2" in answer.stderr
    assert "environment.region = 'moon'" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list((checkout / "cdk.out").glob("**/*.json"))


def test_an_unknown_name_is_answered_with_the_names_there_are(checkout: Path) -> None:
    answer = run_app(checkout, campaign="demmo")
    assert answer.returncode == 1
    assert "did you mean demo? one of demo, national-launch, newsletter, storefront" in answer.stderr


def test_a_layer_that_was_not_built_is_answered_with_the_command_that_builds_it(checkout: Path) -> None:
    (checkout / ".build" / "lambda-layer.zip").unlink()
    answer = run_app(checkout, campaign="newsletter")
    assert answer.returncode == 1
    assert "run `make setup`" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_region_without_aws_containers_asks_for_an_image(checkout: Path) -> None:
    newsletter = checkout / "campaigns" / "newsletter.yaml"
    newsletter.write_text(newsletter.read_text().replace("us-east-1", "us-iso-west-1"))
    answer = run_app(checkout, campaign="newsletter")
    assert answer.returncode == 1
    assert "endpoint.image" in answer.stderr
    assert "Traceback" not in answer.stderr
