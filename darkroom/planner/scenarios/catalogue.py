"""Which traffic the policies are compared on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from darkroom.campaign import ResolvedCampaign, Sources, load_campaign
from darkroom.planner.alternatives import Alternative, all_alternatives, fixed_fleet
from darkroom.planner.distributions import StartUp
from darkroom.planner.forecast import forecast, schedule_for
from darkroom.planner.plan import Assumptions, Planned, plan_all, plan_one
from darkroom.planner.synthesis import synthesize, with_scaling
from darkroom.planner.traffic import Traffic
from darkroom.planner.traffic_source import TrafficSource

FOLDER = Path(__file__).parent
CAMPAIGN = "brand-launch"
_HEADROOM = 1.25
"""A scheduled minimum over what the traffic needs: a utilization of 0.8."""


@dataclass(frozen=True)
class Scenario:
    """One traffic, and how the policies meet it.

    Attributes:
        announced: the peaks are known, and every policy has a schedule for them.
        drawn: how many of the policies, from the first, the curves show.
    """

    name: str
    description: str
    traffic: TrafficSource
    announced: bool = False
    drawn: int = 2

    @property
    def slug(self) -> str:
        """The name, for a file."""
        return self.name.lower().replace(" ", "-")

    def run(self, campaign: ResolvedCampaign, seed: int) -> list[Planned]:
        """Every policy on the same arrivals."""
        assumptions = Assumptions(seed=seed)
        traffic = self.traffic.load(seed)
        if self.announced:
            campaign = with_schedule_for(campaign, traffic, assumptions)
        return plan_all(campaign, all_alternatives(campaign), traffic, assumptions)


def with_schedule_for(
    campaign: ResolvedCampaign, traffic: Traffic, assumptions: Assumptions
) -> ResolvedCampaign:
    """``campaign`` with a minimum scheduled for every half hour of ``traffic``, ordered in time."""
    fixed = Alternative("fixed fleet", fixed_fleet(synthesize([campaign])[0]))
    demand = forecast(
        plan_one(campaign, fixed, traffic, assumptions).outcome,
        seconds_per_image=campaign.seconds_per_image,
        workers_per_instance=campaign.workers_per_instance,
    )
    schedule = schedule_for(demand, headroom=_HEADROOM, lead=StartUp().longest + 60, start=traffic.start)
    return with_scaling(campaign, {"schedule": schedule})


def load_campaign_of_scenarios() -> ResolvedCampaign:
    """The campaign that all scenarios are of."""
    return load_campaign(Sources(campaigns=FOLDER / "campaigns"), CAMPAIGN)


def scenarios(traces: Path | None) -> Sequence[Scenario]:
    """The scenarios; those with recorded arrivals only where ``traces`` has them."""
    recorded = (
        ()
        if traces is None
        else (
            Scenario(
                "Conversations",
                "An hour of real arrivals of a conversation service (Azure LLM inference dataset 2023), "
                "20 times the rate.",
                TrafficSource(traces / "azure-llm-2023-conv-arrivals.csv", scale=20),
            ),
            Scenario(
                "Code",
                "An hour of real arrivals of a coding service (the same dataset), which come in bursts, "
                "40 times the rate.",
                TrafficSource(traces / "azure-llm-2023-code-arrivals.csv", scale=40),
            ),
        )
    )
    return (
        *recorded,
        Scenario(
            "Surprise spike",
            "A quiet day of about one request a second, "
            "and 300 a second for ten minutes that nobody announced.",
            TrafficSource(FOLDER / "surprise-spike.yaml"),
        ),
        Scenario(
            "Announced day",
            "A national campaign's day with three announced peaks, up to 290 requests a second; every policy "
            "but the fixed fleet has a schedule with a minimum for each half hour.",
            TrafficSource(FOLDER / "announced-day.yaml"),
            announced=True,
        ),
    )
