"""The campaign model: load, validate, explain.

A *campaign* is one deployment's parameters, written as YAML in ``campaigns/``. This package turns
files into :class:`ResolvedCampaign` objects that the stacks read, or into one
:class:`CampaignError` that lists every mistake of every file.
"""

from darkroom.campaign.bundle import LocalBundle, RemoteBundle
from darkroom.campaign.loading import Sources, load_campaign, load_campaigns
from darkroom.campaign.model import Campaign, ScheduledAction
from darkroom.campaign.problem import CampaignError, Problem
from darkroom.campaign.recipe import Recipe
from darkroom.campaign.resolved import ResolvedCampaign

__all__ = [
    "Campaign",
    "CampaignError",
    "LocalBundle",
    "Problem",
    "Recipe",
    "RemoteBundle",
    "ResolvedCampaign",
    "ScheduledAction",
    "Sources",
    "load_campaign",
    "load_campaigns",
]
