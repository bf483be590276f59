"""The scaling that campaign files will deploy, read from the templates that ``app.py`` makes of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from darkroom.autoscaling.template import ScalableTargetResource, read_template
from darkroom.campaign import ResolvedCampaign, Sources, load_campaign
from darkroom.planner.problem import PlanError

REPOSITORY = Path(__file__).resolve().parents[2]


def with_scaling(campaign: ResolvedCampaign, changes: Mapping[str, Any]) -> ResolvedCampaign:
    """``campaign`` with other values in its scaling section, written as a campaign file writes them.

    Raises:
        CampaignError: the changed campaign contradicts itself.
    """
    content = _content(campaign)
    content["scaling"] = {**content["scaling"], **changes}
    with tempfile.TemporaryDirectory() as folder:
        _write(content, Path(folder))
        return load_campaign(Sources(campaigns=Path(folder)), campaign.name)


def synthesize(campaigns: Sequence[ResolvedCampaign]) -> list[ScalableTargetResource]:
    """Run ``app.py`` once on ``campaigns`` and read the scalable target of each, as deploying would make it.

    They may share a name: each is synthesized under one of its own, which changes no more than the names
    and dimensions in the template.

    Raises:
        PlanError: the app refused, with its words; or a campaign has not exactly one scalable target.
    """
    if not campaigns:
        return []
    with tempfile.TemporaryDirectory() as folder:
        files, output = Path(folder) / "campaigns", Path(folder) / "cdk.out"
        files.mkdir()
        names = [f"plan-{number}" for number in range(len(campaigns))]
        for name, campaign in zip(names, campaigns, strict=True):
            _write({**_content(campaign), "name": name}, files)
        run_app(output, campaigns=str(files))
        return [_read_target(output / f"assembly-{name}") for name in names]


def _content(campaign: ResolvedCampaign) -> dict[str, Any]:
    return campaign.file.model_dump(mode="json", exclude_none=True)


def _write(content: Mapping[str, Any], folder: Path) -> None:
    (folder / f"{content['name']}.yaml").write_text(yaml.safe_dump(dict(content)), encoding="utf-8")


def _read_target(assembly: Path) -> ScalableTargetResource:
    templates = [json.loads(path.read_bytes()) for path in sorted(assembly.rglob("*.template.json"))]
    targets = [target for template in templates for target in read_template(template)]
    if len(targets) != 1:
        raise PlanError(f"the campaign has {len(targets)} scalable targets; a plan is of one endpoint")
    return targets[0]


def run_app(output: Path, **context: str) -> None:
    """Run ``app.py`` into the folder ``output``, with ``context`` as the CDK CLI's ``-c`` gives it.

    Raises:
        PlanError: the app refused, with its words.
    """
    # The CDK CLI hands cdk.json's context and -c to the app in this variable.
    known = json.loads((REPOSITORY / "cdk.json").read_bytes())["context"]
    environment = {
        **os.environ,
        # Nothing is deployed from here: assets need not be copied.
        "CDK_CONTEXT_JSON": json.dumps({**known, "aws:cdk:disable-asset-staging": True, **context}),
        "CDK_OUTDIR": str(output),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise PlanError(f"app.py could not synthesize the campaign: {said}")
