"""The ``darkroom`` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    help="Generative-image campaigns on AWS, and on one machine.", no_args_is_help=True, add_completion=False
)
sandbox_app = typer.Typer(help="A local AWS for this machine.", no_args_is_help=True)
app.add_typer(sandbox_app, name="sandbox")

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
