"""One synth of the shipped campaigns' scaling for all tests: a synth takes seconds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from darkroom.autoscaling.template import ScalableTargetResource
from darkroom.campaign import ResolvedCampaign, Sources, load_campaign
from darkroom.planner.synthesis import synthesize, with_scaling

METRICS = ("published", "backlog-aware")


@pytest.fixture(scope="session")
def launch() -> ResolvedCampaign:
    """The shipped national-launch campaign."""
    return load_campaign(Sources(), "national-launch")


@pytest.fixture(scope="session")
def targets(launch: ResolvedCampaign) -> Mapping[str, ScalableTargetResource]:
    """National-launch's scaling, without its schedule, under both metrics."""
    campaigns = [with_scaling(launch, {"metric": metric, "schedule": []}) for metric in METRICS]
    return dict(zip(METRICS, synthesize(campaigns), strict=True))
