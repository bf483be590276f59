"""The commands of `python -m training`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    help="Train the tiny model, fine-tune others.", no_args_is_help=True, add_completion=False
)

_console = Console()
_errors = Console(stderr=True, highlight=False)


@app.command("tiny-sdxl")
def tiny_sdxl_command(
    output: Annotated[Path, typer.Option(help="Where the diffusers folder goes.", file_okay=False)],
    steps: Annotated[int, typer.Option(help="Steps of the UNet's training.", min=1)] = 6000,
    autoencoder_steps: Annotated[int, typer.Option(help="Steps of the autoencoder's training.", min=1)] = 4000,
    seed: Annotated[int, typer.Option(help="Another seed makes another model.", min=0)] = 1,
    work: Annotated[
        Path, typer.Option(help="Where checkpoints go; a run that was interrupted goes on from them.")
    ] = Path(".build/training/tiny-sdxl"),
) -> None:
    """Train the tiny model that draws what it is told, from scratch."""
    # torch takes seconds to import, which --help need not wait for.
    from training.tiny_sdxl import train

    try:
        train(output, work, _console, autoencoder_steps=autoencoder_steps, steps=steps, seed=seed)
    except ValueError as error:
        raise _refusal(error) from error


@app.callback()
def _commands() -> None:
    """So that one command alone still goes by its name."""


def _refusal(error: Exception) -> typer.Exit:
    _errors.print(f"error: {error}", style="red", soft_wrap=True, markup=False)
    return typer.Exit(code=1)
