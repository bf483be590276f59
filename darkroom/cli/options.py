"""What several commands are given: one definition each, so that it means the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ASSUMPTIONS = "Assumptions"
"""The panel of what nobody publishes and everybody may know better."""

Campaign = Annotated[str, typer.Argument(help="The campaign's name.")]
CampaignsFolder = Annotated[Path | None, typer.Option(help="The folder with the campaign files.")]

Service = Annotated[
    Path | None, typer.Option(help='Measured pictures, {"seconds": [...]}.', rich_help_panel=ASSUMPTIONS)
]
StartUp = Annotated[
    str,
    typer.Option(help="Seconds of an instance's start: 426 or 240-426-540.", rich_help_panel=ASSUMPTIONS),
]
START_UP = "240-426-540"
Prices = Annotated[
    Path | None,
    typer.Option(help="Prices of instances, in place of the shipped ones.", rich_help_panel=ASSUMPTIONS),
]
