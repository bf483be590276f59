"""``darkroom load``: says what it would ask and cost, asks, and lays the planner's prediction beside it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from darkroom.api_access import api_access
from darkroom.campaign import ResolvedCampaign, Sources, load_campaign
from darkroom.operations.load.arrivals import arrivals_of, first_seconds
from darkroom.operations.load.authorization import authorization
from darkroom.operations.load.client import Asked, LoadRun, Progress
from darkroom.operations.load.measured import Measured, measured
from darkroom.operations.load.report import (
    curve_of,
    predicted_curve,
    remarks,
    terminal_table,
    write_html,
    write_json,
)
from darkroom.operations.service_clock import service_pace
from darkroom.planner.alternatives import deployed
from darkroom.planner.command import describe
from darkroom.planner.plan import Assumptions, Planned, plan_one
from darkroom.planner.tables import seconds_text
from darkroom.planner.traffic import Traffic
from darkroom.planner.traffic_source import TrafficSource

# A request that is drawn: one call of each function, a few writes, two requests of the API and more where it
# is looked at often. Counted generously: instances are what a load costs.
DOLLARS_A_REQUEST = 2e-5


class LoadError(ValueError):
    """The load is not begun; the text says why, and what to give to begin it."""


@dataclass(frozen=True)
class LoadRequest:
    """What ``darkroom load`` was asked.

    Attributes:
        seconds: of the traffic's beginning; None for all of it.
        maximum_cost: dollars that the prediction may come to.
        run: names the run; the same name asks for the same pictures again.
        token: for a campaign whose authorizer is jwt.
    """

    campaign: str
    traffic: TrafficSource
    assumptions: Assumptions
    seconds: float | None = None
    maximum_cost: float = 10.0
    dry_run: bool = False
    run: str | None = None
    token: str | None = None
    json: Path | None = None
    html: Path | None = None
    sources: Sources = field(default_factory=Sources)


def run_load(request: LoadRequest, session: Any, console: Console) -> Measured | None:
    """Load the deployed campaign and show what came of it; None with ``dry_run``.

    Raises:
        CampaignError, PlanError: the campaign's file, the profile or an assumption is wrong.
        LoadError: it would cost more than allowed, or asks for nothing.
        NotDeployedError: the campaign is not deployed where ``session`` looks.
        NoCredentialsError: the authorizer wants what was not given.
    """
    campaign = load_campaign(request.sources, request.campaign)
    with console.status("predicting"):
        traffic = first_seconds(request.traffic.load(request.assumptions.seed), request.seconds)
        if len(traffic) == 0:
            raise LoadError("nobody asks in that time: give more --seconds, or another profile")
        planned = plan_one(campaign, deployed(campaign), traffic, request.assumptions)
    cost = planned.summary.cost + len(traffic) * DOLLARS_A_REQUEST
    _announce(campaign, traffic, planned, cost, console)
    if request.dry_run:
        return None
    if cost > request.maximum_cost:
        raise LoadError(
            f"that is predicted to cost ${cost:,.2f}, more than ${request.maximum_cost:,.2f}: allow it with "
            f"--max-cost {np.ceil(cost):.0f}, or ask for less (--seconds, --scale)"
        )
    return _load(request, session, campaign, planned, console)


def _load(
    request: LoadRequest, session: Any, campaign: ResolvedCampaign, planned: Planned, console: Console
) -> Measured:
    traffic, pace = planned.outcome.traffic, service_pace(session)
    name = request.run or uuid.uuid4().hex[:8]
    access = api_access(campaign.name, session)
    run = LoadRun(
        url=access.url,
        authorize=authorization(access, session, token=request.token),
        pace=pace,
        patience=float(
            campaign.file.endpoint.request_time_to_live + campaign.file.endpoint.invocation_timeout
        ),
    )
    with console.status("asking") as status:

        def told(progress: Progress) -> None:
            status.update(
                f"{progress.asked:,} asked, {progress.answered:,} answered, {progress.waiting:,} waited for"
            )

        asked = run.run(list(arrivals_of(traffic, name)), told)
    goal = float(campaign.file.scaling.latency_goal)
    found = measured(asked, pace=pace, goal=goal, seconds=traffic.seconds)
    head = {**describe(campaign, traffic, request.assumptions), "run": name, "clock_speed": pace}
    _report(request, head, asked, found, planned, console)
    return found


def _report(
    request: LoadRequest,
    head: Mapping[str, Any],
    asked: Sequence[Asked],
    found: Measured,
    planned: Planned,
    console: Console,
) -> None:
    """Print what came of a run, and write the files that were asked for."""
    traffic, pace = planned.outcome.traffic, float(head["clock_speed"])
    notes = remarks(found, pace)
    title = f"{head['campaign']}: {traffic.description}, run {head['run']}"
    console.print(terminal_table(title, found, planned.summary))
    for note in notes:
        console.print(note)
    if request.json is not None:
        write_json(request.json, head, found, planned.summary)
    if request.html is not None:
        curves = {
            "measured": curve_of(asked, pace, traffic.seconds),
            "predicted": predicted_curve(planned.outcome),
        }
        write_html(request.html, head, found, planned.summary, curves, notes)


def _announce(
    campaign: ResolvedCampaign, traffic: Traffic, planned: Planned, cost: float, console: Console
) -> None:
    api, summary = campaign.file.api, planned.summary
    busiest = int(np.bincount(traffic.arrivals.astype(np.int64)).max())
    console.print(
        f"{len(traffic):,} requests in {seconds_text(traffic.seconds)}, {busiest} in the busiest second; "
        f"about {summary.drawn:,} pictures are drawn, by {summary.most_instances} instances at most. "
        f"Predicted to cost ${cost:,.2f}: {summary.instance_hours:.2f} instance-hours, and requests."
    )
    if busiest > api.burst:
        console.print(
            f"The API takes {api.requests_per_second:g} requests a second and {api.burst} at once: some will "
            "be answered 429. That is the campaign's own limit (api.requests_per_second, api.burst)."
        )
    if api.quota_per_day is not None and len(traffic) > api.quota_per_day:
        console.print(f"Its key has a quota of {api.quota_per_day:,} requests a day.")
