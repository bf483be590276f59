"""Commands about a deployed campaign: its API's address and key, and its model builds."""

from __future__ import annotations

from typing import Annotated

import typer

from darkroom.cli.application import app, told
from darkroom.cli.options import Campaign


@app.command()
def api(campaign: Campaign) -> None:
    """Print API_URL and, where callers have one, API_KEY as exports: eval "$(darkroom api demo)"."""
    from darkroom.api_access import api_access
    from darkroom.deployed import NotDeployedError

    with told(NotDeployedError):
        access = api_access(campaign)
    typer.echo(f"export API_URL={access.url}")
    if access.key is not None:
        typer.echo(f"export API_KEY={access.key}")
    else:
        needs = {"iam": "an AWS signature (SigV4, service execute-api)", "jwt": "Authorization: Bearer TOKEN"}
        typer.echo(f"# authorizer: {access.authorizer}; a request needs {needs[access.authorizer]}")


@app.command()
def build(
    campaign: Campaign,
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
    with told(BuildError, NotDeployedError):
        execution = start_build(campaign, request)
        typer.echo(f"Started {execution}")
        if watch:
            typer.echo(f"{campaign} serves {follow_build(execution, typer.echo)}")
