"""`darkroom load`: load a deployed campaign as the planner would."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from darkroom.cli.application import app, told
from darkroom.cli.options import START_UP, Campaign, Prices, Service, StartUp


@app.command()
def load(
    campaign: Campaign,
    profile: Annotated[Path, typer.Option(help="A profile (.yaml) or a trace (.csv), as for `plan`.")],
    seconds: Annotated[
        float | None, typer.Option(help="Only so much of its beginning, in seconds.", min=1)
    ] = None,
    scale: Annotated[float, typer.Option(help="Multiply its rates.")] = 1.0,
    max_cost: Annotated[float, typer.Option(help="Dollars that it may be predicted to cost.", min=0)] = 10.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would ask and cost.")] = False,
    run: Annotated[
        str | None, typer.Option(help="Names the run; the same name asks for the same pictures.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="DARKROOM_TOKEN", help="A token, for authorizer: jwt.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report here.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same arrivals.", min=0)] = 0,
    service: Service = None,
    start_up: StartUp = START_UP,
    prices: Prices = None,
) -> None:
    """Load a deployed campaign with a profile's arrivals, and compare with the planner's prediction."""
    import boto3

    from darkroom.campaign import CampaignError
    from darkroom.deployed import NotDeployedError
    from darkroom.operations.load.command import LoadRequest, run_load
    from darkroom.planner.plan import read_assumptions
    from darkroom.planner.traffic_source import TrafficSource

    with told(CampaignError, NotDeployedError, ValueError):
        assumptions = read_assumptions(service=service, start_up=start_up, prices=prices, seed=seed)
        request = LoadRequest(
            campaign=campaign,
            traffic=TrafficSource(file=profile, scale=scale),
            assumptions=assumptions,
            seconds=seconds,
            maximum_cost=max_cost,
            dry_run=dry_run,
            run=run,
            token=token,
            json=json,
            html=html,
        )
        run_load(request, boto3.Session(), Console())
