"""A campaign as cdk-nag and the CDK's own rules see it when nothing is acknowledged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from app import add_nag
from darkroom.campaign import ResolvedCampaign
from stacks.acknowledgements import acknowledgements
from stacks.campaign_stage import CampaignStage
from stacks.lambda_code import LambdaCode
from tests.stacks.synthesized import Synthesized


@dataclass(frozen=True)
class Finding:
    """What a rule found in a construct; or what is accepted of a construct and all that is in it."""

    id: str
    path: str

    def accepts(self, finding: Finding) -> bool:
        """Whether it, an acknowledgement, is of ``finding``."""
        return self.id == finding.id and f"{finding.path}/".startswith(f"{self.path}/")


@dataclass(frozen=True)
class Reviewed:
    """One configuration: its templates, what was found in them, and what the project accepts."""

    synthesized: Synthesized
    found: frozenset[Finding]
    accepted: tuple[tuple[Finding, str], ...]


def review(
    campaign: ResolvedCampaign, code: LambdaCode, *, context: dict[str, Any], outdir: Path
) -> Reviewed:
    """Synthesize a campaign and have every pack look at it; nothing is acknowledged meanwhile."""
    app = cdk.App(
        context=context,
        outdir=str(outdir),
        analytics_reporting=False,
        builtin_cloud_formation_validation=True,
    )
    stage = CampaignStage(app, campaign=campaign, lambda_code=code)
    accepted = tuple(
        (Finding(id, construct.node.path), acknowledgement.reason)
        for construct, acknowledgement in acknowledgements(stage)
        for id in acknowledgement.ids
    )
    add_nag(app, [])
    with suppress(RuntimeError):  # the findings
        app.synth()
    report = json.loads((outdir / "validation-report.json").read_text(encoding="utf-8"))
    return Reviewed(Synthesized(campaign.name, outdir), frozenset(_findings(report)), accepted)


def _findings(report: dict[str, Any]) -> Iterator[Finding]:
    for plugin in report["pluginReports"]:
        # The CDK's own rules are acknowledged by the plugin's name and theirs.
        own = plugin["pluginName"] == "CloudFormation Validate"
        for violation in plugin["violations"]:
            rule = violation["ruleName"]
            for construct in violation["violatingConstructs"]:
                yield Finding(f"CloudFormation-Validate::{rule}" if own else rule, construct["constructPath"])
