"""Commands that show how a deployed campaign is."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from darkroom.cli.application import app, told

_MINUTES = Annotated[int, typer.Option(help="How far back requests are counted.", min=1, max=1440)]


@app.command()
def status(
    campaign: str,
    minutes: _MINUTES = 15,
    json: Annotated[bool, typer.Option("--json", help="Print it for a machine.")] = False,
) -> None:
    """Show how a deployed campaign is: endpoint, queue, requests, alarms with their runbook, dead letters."""
    from darkroom.deployed import NotDeployedError
    from darkroom.operations.status import StatusError, read_status
    from darkroom.operations.status_view import as_json, view

    with told(NotDeployedError, StatusError):
        found = read_status(campaign, minutes=minutes)
    if json:
        typer.echo(as_json(found))
    else:
        Console().print(view(found))


@app.command()
def watch(
    campaign: str,
    minutes: _MINUTES = 15,
    seconds: Annotated[float, typer.Option(help="Between two looks.", min=1)] = 5,
) -> None:
    """Show what `status` shows, live, until Ctrl-C."""
    import boto3

    from darkroom.deployed import NotDeployedError
    from darkroom.operations.status import StatusError, read_status
    from darkroom.operations.status_view import view

    session = boto3.Session()
    with told(NotDeployedError, StatusError):
        shown: RenderableType = view(read_status(campaign, minutes=minutes, session=session))
    with Live(shown, console=Console(), auto_refresh=False, screen=False) as live:
        live.refresh()
        try:
            while True:
                time.sleep(seconds)
                try:
                    shown = view(read_status(campaign, minutes=minutes, session=session))
                    live.update(shown, refresh=True)
                except (NotDeployedError, StatusError) as error:
                    # What was seen last, and why there is nothing newer: a look that fails ends no watch.
                    live.update(Group(shown, Text(str(error), style="red")), refresh=True)
        except KeyboardInterrupt:
            return
