"""The commands of `python -m training`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from training.pictures import Size

app = typer.Typer(help="Train the tiny model, fine-tune others.", no_args_is_help=True, add_completion=False)

_console = Console()
_errors = Console(stderr=True, highlight=False)


@app.command("tiny-sdxl")
def tiny_sdxl_command(
    output: Annotated[Path, typer.Option(help="Where the diffusers folder goes.", file_okay=False)],
    steps: Annotated[int, typer.Option(help="Steps of the UNet's training.", min=1)] = 6000,
    autoencoder_steps: Annotated[
        int, typer.Option(help="Steps of the autoencoder's training.", min=1)
    ] = 4000,
    decoder_steps: Annotated[
        int, typer.Option(help="Steps of the autoencoder's decoder alone, at the end.", min=1)
    ] = 2000,
    learning_rate: Annotated[
        float, typer.Option(help="Of the UNet and the text encoders, at its highest.", min=0.0)
    ] = 1.2e-3,
    seed: Annotated[int, typer.Option(help="Another seed makes another model.", min=0)] = 1,
    start: Annotated[
        Path | None,
        typer.Option(
            help="A folder this has written, to go on from: its UNet and text encoders.", file_okay=False
        ),
    ] = None,
    work: Annotated[
        Path, typer.Option(help="Where checkpoints go; a run that was interrupted goes on from them.")
    ] = Path(".build/training/tiny-sdxl"),
) -> None:
    """Train the tiny model that draws what it is told, from scratch."""
    # torch takes seconds to import, which --help need not wait for.
    from training.tiny_sdxl import train

    try:
        train(
            output,
            work,
            _console,
            autoencoder_steps=autoencoder_steps,
            steps=steps,
            decoder_steps=decoder_steps,
            learning_rate=learning_rate,
            seed=seed,
            start=start,
        )
    except ValueError as error:
        raise _refusal(error) from error


@app.command("lora")
def lora_command(
    source: Annotated[Path, typer.Option(help="The model: a diffusers folder.", file_okay=False)],
    pictures: Annotated[str, typer.Option(help="A folder or s3://bucket/prefix of captioned pictures.")],
    output: Annotated[
        Path, typer.Option(help="Where the fine-tuned diffusers folder goes.", file_okay=False)
    ],
    steps: Annotated[int, typer.Option(help="Steps of the training.", min=1)] = 800,
    rank: Annotated[int, typer.Option(help="Of the adapter's matrices.", min=1)] = 8,
    learning_rate: Annotated[float, typer.Option(help="At its highest.", min=0.0)] = 1e-4,
    batch: Annotated[int, typer.Option(help="Pictures a step.", min=1)] = 4,
    size: Annotated[
        str | None,
        typer.Option(
            help="Pictures are scaled and cut to it: SIDE or WIDTHxHEIGHT.",
            show_default="the size that the model draws by itself",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is by chance.", min=0)] = 0,
    convolutions: Annotated[
        bool,
        typer.Option(help="Adapt the UNet's convolutions too: for marks of colours and lines new to it."),
    ] = False,
    text_encoders: Annotated[bool, typer.Option(help="Adapt the text encoders too.")] = True,
    caption_dropout: Annotated[float, typer.Option(help="Share of captions left out.", min=0, max=1)] = 0.0,
    prior_prompts: Annotated[
        Path | None,
        typer.Option(
            help="A file of prompts, one a line, whose pictures are to stay as they are.", dir_okay=False
        ),
    ] = None,
) -> None:
    """Fine-tune a diffusers model on captioned pictures; the adapter is fused into the weights written."""
    from training.lora.captioned_pictures import opened
    from training.lora.trainer import Settings, fine_tune

    try:
        settings = Settings(
            steps=steps,
            rank=rank,
            learning_rate=learning_rate,
            batch=batch,
            size=None if size is None else _size(size),
            seed=seed,
            convolutions=convolutions,
            text_encoders=text_encoders,
            dropped=caption_dropout,
        )
        prompts = _prompts(prior_prompts)
        with opened(pictures) as found:
            fine_tune(source, found, output, settings, _console, prior_prompts=prompts)
    except (ValueError, OSError) as error:
        raise _refusal(error) from error
    _console.print(f"{output}: fine-tuned from {source}; the adapter alone is in {output / 'adapter'}")


@app.command("agreement")
def agreement_command(
    model: Annotated[Path, typer.Argument(help="A folder of the tiny model.", file_okay=False, exists=True)],
    seeds: Annotated[int, typer.Option(help="Pictures of every drawing and size.", min=1)] = 3,
    steps: Annotated[int, typer.Option(help="Steps a picture.", min=1)] = 8,
    guidance_scale: Annotated[float, typer.Option(help="Classifier-free guidance.", min=0.0)] = 2.5,
) -> None:
    """Measure how often pictures agree with their prompts: of held-out drawings and of seen ones."""
    from training.agreement import load, share, verdicts
    from training.drawings import held_out_drawings, seen_drawings
    from training.latents import SIZES

    pipeline = load(model)
    table = Table(
        "Size", "Held out", "Seen", title=f"{steps} steps, guidance {guidance_scale:g}, {seeds} seeds"
    )
    for size in SIZES:
        row = [f"{size.width}x{size.height}"]
        for drawings in (held_out_drawings(), seen_drawings()):
            found = verdicts(
                pipeline, drawings, range(seeds), size, steps=steps, guidance_scale=guidance_scale
            )
            agreeing = sum(verdict.agrees for verdict in found)
            row.append(f"{share(found):.1%} ({agreeing} of {len(found)})")
        table.add_row(*row)
    _console.print(table)


def _size(text: str) -> Size:
    """A size from SIDE or WIDTHxHEIGHT, in multiples of 8: a latent covers 8 x 8 pixels."""
    width, cross, height = text.partition("x")
    try:
        size = Size(int(width), int(height if cross else width))
    except ValueError as error:
        raise ValueError(f"--size {text}: expected SIDE or WIDTHxHEIGHT, such as 1024 or 768x512") from error
    if min(size.width, size.height) < 8 or size.width % 8 or size.height % 8:
        raise ValueError(f"--size {text}: expected multiples of 8")
    return size


def _prompts(path: Path | None) -> list[str]:
    if path is None:
        return []
    prompts = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not prompts:
        raise ValueError(f"{path}: holds no prompts; expected one a line")
    return prompts


def _refusal(error: Exception) -> typer.Exit:
    _errors.print(f"error: {error}", style="red", soft_wrap=True, markup=False)
    return typer.Exit(code=1)
