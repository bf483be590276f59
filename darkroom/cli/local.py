"""Commands that need no AWS account: the local AWS, and the demo on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from darkroom.cli.application import app, told

sandbox_app = typer.Typer(help="A local AWS for this machine.", no_args_is_help=True)
app.add_typer(sandbox_app, name="sandbox")


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Where pictures and the report go.")] = Path("out/demo"),
) -> None:
    """Deploy campaigns/demo.yaml to a local AWS, ask it for pictures, destroy it; exit 1 if a claim broke."""
    from darkroom.demo.run import DemoError, run_demo

    with told(DemoError):
        held = run_demo(output, Console())
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
