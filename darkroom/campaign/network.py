"""What a campaign without a way to the internet needs instead."""

from __future__ import annotations

from collections.abc import Iterator

from darkroom.campaign.model import Campaign
from darkroom.campaign.problem import MISSING, FieldPath, Problem


def network_problems(campaign: Campaign) -> Iterator[Problem]:
    """Build jobs of an isolated campaign reach no package index: their images bring what AWS's own lack."""
    build = campaign.build
    if campaign.network != "isolated" or build is None:
        return
    involves: tuple[FieldPath, ...] = (("network",), ("build", "image"))
    rule = (
        "with network: isolated a build's jobs reach no package index, and AWS's own images lack packages "
        "that they need (docs/model-build.md)"
    )
    expected = "an image in ECR that has them"
    if build.image is None and campaign.endpoint.image is None:
        yield Problem(("build", "image"), MISSING, rule, expected, involves=involves)
    if build.fine_tune is not None and build.fine_tune.image is None:
        path: FieldPath = ("build", "fine_tune", "image")
        yield Problem(path, MISSING, rule, expected, involves=(("network",), path))
