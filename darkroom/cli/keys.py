"""``darkroom keys``: a deployed campaign's API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from darkroom.cli.application import app, told
from darkroom.cli.options import Campaign

keys_app = typer.Typer(help="A deployed campaign's API keys.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

_NAME = Annotated[str, typer.Argument(help="The key's name; the first key of a campaign is called default.")]


@keys_app.command("list")
def list_keys(campaign: Campaign) -> None:
    """Show every key of the campaign: name, id, since when, until when. Never a value."""
    from darkroom.deployed import NotDeployedError
    from darkroom.operations.keys import ApiKeyError, ApiKeys

    with told(ApiKeyError, NotDeployedError):
        keys = ApiKeys(campaign).listed()
    width = max([len(key.name) for key in keys], default=0)
    for key in keys:
        state = "valid" if key.enabled else "revoked"
        if key.enabled and key.revoke_after is not None:
            state = f"valid until {key.revoke_after:%Y-%m-%d %H:%M} UTC"
        typer.echo(f"{key.name:<{width}}  {key.id}  {key.created:%Y-%m-%d %H:%M}  {state}")


@keys_app.command("create")
def create_key(campaign: Campaign, name: _NAME) -> None:
    """Make a key. Its value is printed once, on stdout alone, so that it can be piped into a secret store."""
    from darkroom.deployed import NotDeployedError
    from darkroom.operations.keys import ApiKeyError, ApiKeys

    with told(ApiKeyError, NotDeployedError):
        key = ApiKeys(campaign).create(name)
    typer.echo(f"Made key {key.name} ({key.id}). Its value, shown this once:", err=True)
    typer.echo(key.value)


@keys_app.command("rotate")
def rotate_key(
    campaign: Campaign,
    name: _NAME,
    grace: Annotated[
        str,
        typer.Option(help="How long the old key stays valid: 24h, 30m, 0s. Ended within 15 minutes after."),
    ] = "24h",
) -> None:
    """Make a new key of a name, printed once; the old one is revoked when its grace is over."""
    from darkroom.deployed import NotDeployedError
    from darkroom.operations.keys import ApiKeyError, ApiKeys

    with told(ApiKeyError, NotDeployedError):
        made, old = ApiKeys(campaign).rotate(name, _duration(grace))
    ended = ", ".join(key.id for key in old)
    typer.echo(f"Made key {made.name} ({made.id}); {ended} is valid for {grace} more.", err=True)
    typer.echo("The new value, shown this once:", err=True)
    typer.echo(made.value)


@keys_app.command("revoke")
def revoke_key(campaign: Campaign, name: _NAME) -> None:
    """End all keys of a name at once."""
    from darkroom.deployed import NotDeployedError
    from darkroom.operations.keys import ApiKeyError, ApiKeys

    with told(ApiKeyError, NotDeployedError):
        ended = ApiKeys(campaign).revoke(name)
    typer.echo(f"Revoked {', '.join(key.id for key in ended)}.", err=True)


def _duration(text: str) -> timedelta:
    from darkroom.campaign.fields import Duration
    from darkroom.operations.keys import ApiKeyError

    try:
        return timedelta(seconds=Duration(0, 30 * 86400, "a grace is at most 30 days").parse(text))
    except ValueError as error:
        raise ApiKeyError(str(error)) from None
