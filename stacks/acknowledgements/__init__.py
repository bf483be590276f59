"""Findings that we accept, cdk-nag's and the CDK's own, each with the reason that a reviewer reads.

One module a stack. They are attached only where these look (app.py with ``-c nag=true``, and the tests):
attaching them is hundreds of calls into jsii, which no deployment needs.
"""

from __future__ import annotations

import aws_cdk as cdk

from stacks.acknowledgements.acknowledgement import Acknowledged, Acknowledgement
from stacks.acknowledgements.api import of_api
from stacks.acknowledgements.build import of_build
from stacks.acknowledgements.data import of_data
from stacks.acknowledgements.inference import of_inference
from stacks.acknowledgements.telling import PART_OF_ANOTHER, TAKES_UPDATES_BACK, of_alarms, of_subscriptions
from stacks.campaign_stage import CampaignStage

__all__ = ["Acknowledgement", "acknowledge_findings", "acknowledgements"]


def acknowledge_findings(stage: CampaignStage) -> None:
    """Attach every acknowledgement of a campaign, each to the one construct that it is about."""
    for construct, acknowledgement in acknowledgements(stage):
        for id in acknowledgement.ids:
            cdk.Validations.of(construct).acknowledge(
                cdk.Acknowledgment(id=id, reason=acknowledgement.reason)
            )


def acknowledgements(stage: CampaignStage) -> Acknowledged:
    """What is accepted of a campaign, and of which construct."""
    yield from of_data(stage)
    yield from of_inference(stage)
    yield from of_api(stage)
    yield from of_subscriptions(stage.monitoring)
    yield from of_alarms(stage.monitoring, PART_OF_ANOTHER)
    yield from of_alarms(stage.inference, TAKES_UPDATES_BACK)
    yield from of_build(stage)
