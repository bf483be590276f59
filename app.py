"""The CDK app: one Stage a campaign.

``-c campaign=NAME`` synthesizes that one only, ``-c campaigns=FOLDER`` reads the files of another folder than
``campaigns/``, ``-c nag=true`` checks with cdk-nag.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

# jsii runs the first node on the PATH; the one beside this Python is the one that the project pins.
_NODE = Path(sys.prefix) / "bin" / "node"
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))

import aws_cdk as cdk  # noqa: E402

from darkroom.campaign import CampaignError, Sources, load_campaign, load_campaigns  # noqa: E402
from stacks.campaign_stage import CampaignStage  # noqa: E402
from stacks.lambda_code import LambdaCode, NotBuiltError  # noqa: E402


def main() -> int:
    """Synthesize what the context asks for; the exit status."""
    # CDK's own validation of the templates takes longer than the synth; tests/stacks runs it, and cfn-lint.
    # Without auto-synth an error leaves no half-made assembly behind.
    app = cdk.App(analytics_reporting=False, auto_synth=False, builtin_cloud_formation_validation=False)
    name = app.node.try_get_context("campaign")
    folder = app.node.try_get_context("campaigns")
    sources = Sources() if folder is None else Sources(campaigns=Path(folder))
    lambda_code = LambdaCode()
    try:
        campaigns = load_campaigns(sources) if name is None else [load_campaign(sources, str(name))]
        lambda_code.check()
        stages = [CampaignStage(app, campaign=campaign, lambda_code=lambda_code) for campaign in campaigns]
    except (CampaignError, NotBuiltError) as error:
        print(error, file=sys.stderr)
        return 1
    if app.node.try_get_context("nag") == "true":
        add_nag(app, stages)
    app.synth()
    return 0


def add_nag(app: cdk.App, stages: Sequence[CampaignStage]) -> None:
    """Hold the app to cdk-nag's packs; a finding without a reason fails the synth."""
    # Loading cdk-nag takes as long as a synth.
    from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks, PCIDSS321Checks, ServerlessChecks

    from stacks.acknowledgements import acknowledge_findings

    for stage in stages:
        acknowledge_findings(stage)
    packs = (AwsSolutionsChecks, ServerlessChecks, NIST80053R5Checks, PCIDSS321Checks)
    cdk.Validations.of(app).add_plugins(*(pack(app) for pack in packs))


if __name__ == "__main__":
    sys.exit(main())
