"""Where the functions of a campaign put their metrics (stacks/utilization.py)."""

from __future__ import annotations

NAMESPACE = "ImageGenAPI"


def own_dimensions(campaign: str) -> dict[str, str]:
    """The dimensions that all of them have, exactly."""
    return {"service": "ImageGenerator", "campaign": campaign}
