"""Commands about campaign files: is it right, and what would it cost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from darkroom.cli.application import app, told
from darkroom.cli.options import ASSUMPTIONS, START_UP, Campaign, CampaignsFolder, Prices, Service, StartUp


@app.command()
def check(
    campaigns: CampaignsFolder = None,
) -> None:
    """Validate every campaign file; say everything that is wrong at once."""
    from darkroom.campaign import CampaignError, Sources, load_campaigns

    sources = Sources() if campaigns is None else Sources(campaigns=campaigns)
    with told(CampaignError):
        found = load_campaigns(sources)
    for campaign in found:
        where = campaign.file.environment
        typer.echo(f"{campaign.name}: {campaign.recipe.name} in {where.account}/{where.region}")


@app.command()
def plan(
    campaign: Campaign,
    traffic: Annotated[
        Path, typer.Option(help="A trace (.csv: a timestamp or a count a row) or a profile (.yaml).")
    ],
    compare: Annotated[
        bool, typer.Option("--compare", help="All policies side by side, on the same arrivals.")
    ] = False,
    optimize: Annotated[
        str | None, typer.Option(help='Search the cheapest scaling that holds it, such as "p95 < 9.7s".')
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run.", min=0)] = 0,
    scale: Annotated[float, typer.Option(help="Multiply the traffic's rates.")] = 1.0,
    start: Annotated[
        datetime | None, typer.Option(help="When the traffic begins, in UTC, instead of its own date.")
    ] = None,
    interval: Annotated[
        float, typer.Option(help="Seconds of a row, for counts without timestamps.", min=1)
    ] = 60.0,
    json: Annotated[Path | None, typer.Option(help="Write the figures here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report with its curves here.")] = None,
    service: Service = None,
    start_up: StartUp = START_UP,
    metric_delays: Annotated[
        str,
        typer.Option(
            help="Seconds until metrics are seen: the front-end's, the endpoint's, the hosts'.",
            rich_help_panel=ASSUMPTIONS,
        ),
    ] = "10,60,60",
    prompts: Annotated[
        str | None,
        typer.Option(
            help="Popularity: distinct prompts, Zipf exponent, share of unique ones, such as 10000,1,0.3.",
            rich_help_panel=ASSUMPTIONS,
        ),
    ] = None,
    prices: Prices = None,
) -> None:
    """Simulate a campaign's day before it is deployed: how long people wait, and what it costs."""
    from darkroom.campaign import CampaignError
    from darkroom.planner.command import PlanRequest, run_plan
    from darkroom.planner.plan import read_assumptions
    from darkroom.planner.popularity import parse_popularity
    from darkroom.planner.traffic_source import TrafficSource

    with told(CampaignError, ValueError):
        source = TrafficSource(
            file=traffic,
            scale=scale,
            interval=interval,
            start=None if start is None else start.replace(tzinfo=UTC),
            popularity=None if prompts is None else parse_popularity(prompts),
        )
        assumptions = read_assumptions(
            service=service, start_up=start_up, metric_delays=metric_delays, prices=prices, seed=seed
        )
        run_plan(PlanRequest(campaign, source, assumptions, compare, optimize, json, html), Console())
