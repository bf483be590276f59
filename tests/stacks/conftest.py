"""One synth for each campaign and configuration, shared by all tests: a synth takes seconds."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

# As app.py does: the node of this environment, not the first on the PATH.
_NODE = Path(sys.prefix) / "bin" / "node"
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))

import aws_cdk as cdk  # noqa: E402
import pytest  # noqa: E402
import yaml  # noqa: E402
from serving.bundle import Manifest, describe_files  # noqa: E402

from app import add_nag  # noqa: E402
from darkroom.campaign import ResolvedCampaign, Sources, load_campaign  # noqa: E402
from stacks.campaign_stage import CampaignStage  # noqa: E402
from stacks.lambda_code import LambdaCode  # noqa: E402
from tests.stacks.synthesized import Synth, Synthesized  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small bundle called tiny-sdxl and a layer, as `make setup` would build them."""
    root = tmp_path_factory.mktemp("workspace")
    _write_bundle(root / "bundles" / "tiny-sdxl")
    with ZipFile(root / "layer.zip", "w") as layer:
        layer.writestr(ZipInfo("python/aws_lambda_powertools/__init__.py"), "")
    return root


def _write_bundle(folder: Path) -> None:
    """A bundle of the real shape with files of a few bytes; two differ in nothing but their extension."""
    for path in ("code/inference.py", "model/unet/config.json", "model/unet/config.txt", "model/LICENCE"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    manifest = Manifest("tiny-sdxl", "tiny-sdxl", "cpu", describe_files(folder), "a test", "none")
    (folder / "bundle.json").write_text(manifest.to_json())


@pytest.fixture(scope="session")
def cdk_context() -> dict[str, Any]:
    context: dict[str, Any] = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    return context


@pytest.fixture(scope="session")
def lambda_code(workspace: Path) -> LambdaCode:
    return LambdaCode(layer=workspace / "layer.zip")


@pytest.fixture(scope="session")
def resolve(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Load a shipped campaign with some of its fields changed: ``resolve("demo", retention="keep")``."""

    def resolved(name: str, **overrides: Any) -> ResolvedCampaign:
        campaigns = tmp_path_factory.mktemp("campaigns")
        content = yaml.safe_load((REPOSITORY / "campaigns" / f"{name}.yaml").read_text())
        for section, value in overrides.items():
            content[section] = {**content.get(section, {}), **value} if isinstance(value, dict) else value
        (campaigns / f"{name}.yaml").write_text(yaml.safe_dump(content))
        return load_campaign(Sources(campaigns=campaigns, bundles=workspace / "bundles"), name)

    return resolved


@pytest.fixture(scope="session")
def synth(
    resolve: Any,
    lambda_code: LambdaCode,
    cdk_context: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Synth:
    """Synthesize what :func:`resolve` loads, once for the same arguments.

    With ``checked=True`` cdk-nag and CDK's own rules look at it too, and fail it on a finding.
    """
    done: dict[str, Synthesized] = {}

    def synthesized(name: str, *, checked: bool = False, **overrides: Any) -> Synthesized:
        key = json.dumps([name, checked, overrides], sort_keys=True)
        if key not in done:
            outdir = tmp_path_factory.mktemp("cdk.out")
            app = cdk.App(
                context=cdk_context,
                outdir=str(outdir),
                analytics_reporting=False,
                builtin_cloud_formation_validation=checked,
            )
            stage = CampaignStage(app, campaign=resolve(name, **overrides), lambda_code=lambda_code)
            if checked:
                add_nag(app, [stage])
            app.synth()
            done[key] = Synthesized(name, outdir)
        return done[key]

    return synthesized
