"""Commands that show how a deployed campaign is."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from darkroom.cli.application import app, told
from darkroom.cli.options import Campaign

_MINUTES = Annotated[int, typer.Option(help="How far back requests are counted.", min=1, max=1440)]


@app.command()
def status(
    campaign: Campaign,
    minutes: _MINUTES = 15,
    json: Annotated[bool, typer.Option("--json", help="Print it for a machine.")] = False,
) -> None:
    """Show how a deployed campaign is: endpoint, queue, requests, alarms with their runbook, dead letters."""
    from darkroom.deployed import NotDeployedError
    from darkroom.operations.status import StatusError, StatusReader
    from darkroom.operations.status_view import as_json, view

    with told(NotDeployedError, StatusError):
        found = StatusReader(campaign, minutes=minutes).read()
    if json:
        typer.echo(as_json(found))
    else:
        Console().print(view(found))


@app.command()
def watch(
    campaign: Campaign,
    minutes: _MINUTES = 15,
    seconds: Annotated[float, typer.Option(help="Between two looks.", min=1)] = 5,
) -> None:
    """Show what `status` shows, live, until Ctrl-C."""
    from darkroom.deployed import NotDeployedError
    from darkroom.operations.status import StatusError, StatusReader
    from darkroom.operations.status_view import view

    reader = StatusReader(campaign, minutes=minutes)
    with told(NotDeployedError, StatusError):
        shown: RenderableType = view(reader.read())
    with Live(shown, console=Console(), auto_refresh=False, screen=False) as live:
        live.refresh()
        try:
            while True:
                time.sleep(seconds)
                try:
                    shown = view(reader.read())
                    live.update(shown, refresh=True)
                except (NotDeployedError, StatusError) as error:
                    # What was seen last, and why there is nothing newer: a look that fails ends no watch.
                    live.update(Group(shown, Text(str(error), style="red")), refresh=True)
        except KeyboardInterrupt:
            return
