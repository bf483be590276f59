"""The ``darkroom`` command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    help="Generative-image campaigns on AWS, and on one machine.", no_args_is_help=True, add_completion=False
)
sandbox_app = typer.Typer(help="A local AWS for this machine.", no_args_is_help=True)
app.add_typer(sandbox_app, name="sandbox")

_ASSUMPTIONS = "Assumptions"

# Rooms are imported by the command that needs them: `darkroom check` must not load moto or boto3.


@app.command()
def check(
    campaigns: Annotated[Path | None, typer.Option(help="The folder with the campaign files.")] = None,
) -> None:
    """Validate every campaign file; say everything that is wrong at once."""
    from darkroom.campaign import CampaignError, Sources, load_campaigns

    sources = Sources() if campaigns is None else Sources(campaigns=campaigns)
    try:
        found = load_campaigns(sources)
    except CampaignError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for campaign in found:
        where = campaign.file.environment
        typer.echo(f"{campaign.name}: {campaign.recipe.name} in {where.account}/{where.region}")


@app.command()
def api(campaign: str) -> None:
    """Print API_URL and API_KEY of a deployed campaign as exports: eval "$(darkroom api demo)"."""
    from darkroom.deployed import NotDeployedError, api_access

    try:
        access = api_access(campaign)
    except NotDeployedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"export API_URL={access.url}\nexport API_KEY={access.key}")


@app.command()
def build(
    campaign: str,
    source: Annotated[str | None, typer.Option(help="s3://bucket/prefix/ of the weights.")] = None,
    pictures: Annotated[
        str | None, typer.Option(help="s3://bucket/prefix/ of captioned pictures: fine-tune on them first.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The bundle's name. Default: the recipe's.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps.", min=1)] = None,
    rank: Annotated[int | None, typer.Option(help="The LoRA adapter's rank.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Training's seed.", min=0)] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Wait for its end; exit 1 if it failed.")] = False,
) -> None:
    """Start a deployed campaign's model build: fine-tune, compile, verify, publish, serve."""
    from darkroom.building import BuildError, BuildRequest, follow_build, start_build
    from darkroom.deployed import NotDeployedError

    request = BuildRequest(source, pictures, name, steps, rank, seed)
    try:
        execution = start_build(campaign, request)
        typer.echo(f"Started {execution}")
        if watch:
            typer.echo(f"{campaign} serves {follow_build(execution, typer.echo)}")
    except (BuildError, NotDeployedError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Where pictures and the report go.")] = Path("out/demo"),
) -> None:
    """Deploy campaigns/demo.yaml to a local AWS, ask it for pictures, destroy it; exit 1 if a claim broke."""
    from darkroom.demo.run import DemoError, run_demo

    try:
        held = run_demo(output, Console())
    except DemoError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if held else 1)


@app.command()
def plan(
    campaign: Annotated[str, typer.Argument(help="The campaign's name.")],
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
    service: Annotated[
        Path | None,
        typer.Option(help='Measured pictures, {"seconds": [...]}.', rich_help_panel=_ASSUMPTIONS),
    ] = None,
    start_up: Annotated[
        str,
        typer.Option(
            help="Seconds of an instance's start: 426 or 240-426-540.", rich_help_panel=_ASSUMPTIONS
        ),
    ] = "240-426-540",
    metric_delays: Annotated[
        str,
        typer.Option(
            help="Seconds until metrics are seen: the front-end's, the endpoint's, the hosts'.",
            rich_help_panel=_ASSUMPTIONS,
        ),
    ] = "10,60,60",
    prompts: Annotated[
        str | None,
        typer.Option(
            help="Popularity: distinct prompts, Zipf exponent, share of unique ones, such as 10000,1,0.3.",
            rich_help_panel=_ASSUMPTIONS,
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="A price file instead of the shipped one.", rich_help_panel=_ASSUMPTIONS),
    ] = None,
) -> None:
    """Simulate a campaign's day before it is deployed: how long people wait, and what it costs."""
    from darkroom.campaign import CampaignError
    from darkroom.planner.command import PlanRequest, run_plan
    from darkroom.planner.plan import read_assumptions
    from darkroom.planner.popularity import parse_popularity
    from darkroom.planner.traffic_source import TrafficSource

    try:
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
    except (CampaignError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@sandbox_app.command()
def up(
    port: Annotated[int, typer.Option(help="The one port of the whole local AWS.")] = 4566,
    speed: Annotated[float, typer.Option(help="Sandbox seconds a wall second: 60 is a minute a second.")] = 1,
    instance_start_seconds: Annotated[
        float, typer.Option(help="Sandbox seconds until a new instance is there to load the model.")
    ] = 10,
    verbose: Annotated[bool, typer.Option(help="Show what functions and model workers print.")] = False,
) -> None:
    """Run the local AWS in the foreground until Ctrl-C; nothing is left of it afterwards."""
    from darkroom.sandbox.server import serve

    raise typer.Exit(
        serve(port=port, speed=speed, instance_start_seconds=instance_start_seconds, verbose=verbose)
    )
