"""The CDK app: one Stage a campaign.

``-c campaign=NAME`` synthesizes that one only. ``-c check=true`` also holds the templates to CDK's own
CloudFormation rules and to cdk-nag's AwsSolutions pack, which takes seconds: the tests do that.
"""

from __future__ import annotations

import os
import sys
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
    app = cdk.App(analytics_reporting=False, builtin_cloud_formation_validation=False)
    name = app.node.try_get_context("campaign")
    if app.node.try_get_context("check") == "true":
        app = checked_app()
    lambda_code = LambdaCode()
    try:
        campaigns = load_campaigns(Sources()) if name is None else [load_campaign(Sources(), str(name))]
        lambda_code.check()
    except (CampaignError, NotBuiltError) as error:
        print(error, file=sys.stderr)
        return 1
    for campaign in campaigns:
        CampaignStage(app, campaign=campaign, lambda_code=lambda_code)
    app.synth()
    return 0


def checked_app() -> cdk.App:
    """An app whose synth fails on a finding of CDK's CloudFormation rules or of cdk-nag."""
    from cdk_nag import AwsSolutionsChecks

    app = cdk.App(analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


if __name__ == "__main__":
    sys.exit(main())
