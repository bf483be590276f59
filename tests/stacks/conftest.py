"""One synth for each campaign or configuration, shared by all tests: jsii takes seconds, not milliseconds."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NODE = Path(sys.prefix) / "bin" / "node"
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))

import aws_cdk as cdk  # noqa: E402
import pytest  # noqa: E402
import yaml  # noqa: E402
from cdk_nag import AwsSolutionsChecks  # noqa: E402

from darkroom.campaign import Sources, load_campaign  # noqa: E402
from stacks.campaign_stage import CampaignStage  # noqa: E402
from stacks.lambda_code import LambdaCode  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
STACKS = ("data", "inference", "api", "monitoring")

Overrides = dict[str, Any]


@dataclass(frozen=True)
class Synthesized:
    """One campaign, synthesized with cdk-nag on: a finding would have failed it."""

    name: str
    outdir: Path
    templates: dict[str, dict[str, Any]]

    def template(self, stack: str) -> dict[str, Any]:
        return self.templates[stack]

    def resources(self, stack: str, type: str) -> list[dict[str, Any]]:
        """The resources of a type in a stack, properties and all."""
        return [each for each in self.templates[stack]["Resources"].values() if each["Type"] == type]

    def only(self, stack: str, type: str) -> dict[str, Any]:
        """The properties of the one resource of that type."""
        (resource,) = self.resources(stack, type)
        properties: dict[str, Any] = resource["Properties"]
        return properties

    def template_path(self, stack: str) -> Path:
        return next(self.outdir.glob(f"assembly-*/*{stack}*.template.json"))

    def asset_manifest(self, stack: str) -> dict[str, Any]:
        (path,) = self.outdir.glob(f"assembly-*/*{stack}*.assets.json")
        manifest: dict[str, Any] = json.loads(path.read_text())
        return manifest


Synth = Callable[..., Synthesized]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory, make_bundle: Callable[..., Path]) -> Path:
    """A folder with a small bundle called tiny-sdxl and a layer, as `make setup` would build them."""
    root = tmp_path_factory.mktemp("workspace")
    make_bundle(root / "bundles", "tiny-sdxl")
    package = root / "layer" / "python" / "aws_lambda_powertools"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return root


@pytest.fixture(scope="session")
def cdk_context() -> dict[str, Any]:
    context: dict[str, Any] = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    return context


@pytest.fixture(scope="session")
def synth(
    workspace: Path, cdk_context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Synth]:
    """Synthesize a shipped campaign, with some of its fields changed: ``synth("demo", retention="keep")``."""
    done: dict[str, Synthesized] = {}

    def synthesized(name: str, **overrides: Overrides | str) -> Synthesized:
        key = json.dumps([name, overrides], sort_keys=True)
        if key not in done:
            sources = _sources(name, overrides, workspace, tmp_path_factory.mktemp("campaigns"))
            done[key] = _synthesize(name, sources, workspace, cdk_context, tmp_path_factory.mktemp("cdk.out"))
        return done[key]

    yield synthesized


def _sources(name: str, overrides: dict[str, Any], workspace: Path, campaigns: Path) -> Sources:
    content = yaml.safe_load((REPOSITORY / "campaigns" / f"{name}.yaml").read_text())
    for section, value in overrides.items():
        content[section] = {**content.get(section, {}), **value} if isinstance(value, dict) else value
    (campaigns / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return Sources(campaigns=campaigns, bundles=workspace / "bundles")


def _synthesize(
    name: str, sources: Sources, workspace: Path, context: dict[str, Any], outdir: Path
) -> Synthesized:
    app = cdk.App(context=context, outdir=str(outdir), analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    CampaignStage(
        app, campaign=load_campaign(sources, name), lambda_code=LambdaCode(layer=workspace / "layer")
    )
    app.synth()
    templates = {
        stack: json.loads(next(outdir.glob(f"assembly-*/*{stack}*.template.json")).read_text())
        for stack in STACKS
    }
    return Synthesized(name, outdir, templates)
