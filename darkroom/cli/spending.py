"""Commands about what a deployed campaign costs: stop it, start it again, its bill."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from darkroom.cli.application import app, told
from darkroom.cli.options import ASSUMPTIONS, Campaign, Prices


@app.command()
def pause(
    campaign: Campaign,
    now: Annotated[
        bool, typer.Option("--now", help="Don't wait until what waits is drawn: keep it for later.")
    ] = False,
) -> None:
    """Stop a deployed campaign: accept nothing new, draw what waits, go to zero instances."""
    import boto3

    from darkroom.deployed import NotDeployedError
    from darkroom.operations.deployed_campaign import find_campaign
    from darkroom.operations.pausing import PauseError, ResumedMeanwhileError
    from darkroom.operations.pausing import pause as pause_campaign

    with told(NotDeployedError, PauseError, ResumedMeanwhileError):
        found = find_campaign(campaign, boto3.Session())
        left = pause_campaign(found, typer.echo, at_once=now)
    waiting = left.under_way + left.held
    typer.echo(f"{campaign} is paused; {waiting} requests wait for `darkroom resume {campaign}`.")
    if found.is_realtime:
        typer.echo(
            "Its endpoint is realtime: one instance stays and is billed. To pay nothing, destroy the "
            f"campaign (cdk destroy '{campaign}/*'); with retention: keep its pictures stay."
        )


@app.command()
def resume(campaign: Campaign) -> None:
    """Start a paused campaign again: scaling as it was, then accept; what was kept is drawn."""
    import boto3

    from darkroom.deployed import NotDeployedError
    from darkroom.operations.deployed_campaign import find_campaign
    from darkroom.operations.pausing import PauseError
    from darkroom.operations.pausing import resume as resume_campaign

    with told(NotDeployedError, PauseError):
        found = resume_campaign(find_campaign(campaign, boto3.Session()), typer.echo)
    typer.echo(f"{campaign} runs." if found.paused_at else f"{campaign} was not paused; it runs.")


@app.command()
def costs(
    campaign: Campaign,
    bill: Annotated[
        bool, typer.Option("--bill/--no-bill", help="Ask Cost Explorer too; AWS asks a cent for that.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    prices: Prices = None,
    service_prices: Annotated[
        Path | None,
        typer.Option(
            help="Prices of everything else, in place of the shipped ones.", rich_help_panel=ASSUMPTIONS
        ),
    ] = None,
) -> None:
    """Show a deployed campaign's bill so far, and the forecast to the month's end from its metrics."""
    from json import dumps

    import boto3
    from rich.console import Console

    from darkroom.deployed import NotDeployedError
    from darkroom.operations.costs.prices import PriceError, read_service_prices
    from darkroom.operations.costs.report import costs_of
    from darkroom.operations.costs.view import show
    from darkroom.operations.deployed_campaign import find_campaign
    from darkroom.planner.prices import read_prices
    from darkroom.planner.problem import PlanError

    with told(NotDeployedError, PlanError, PriceError):
        found = costs_of(
            find_campaign(campaign, boto3.Session()),
            read_prices(prices),
            read_service_prices(service_prices),
            ask_bill=bill,
        )
    if json:
        typer.echo(dumps(found.as_json(), indent=2))
    else:
        show(found, Console())
