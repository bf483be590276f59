"""The commands of `python -m neuron_build`."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from serving.bundle import BundleError, Manifest, read_manifest, verify_bundle

from neuron_build.package import UnknownRecipeError, package
from neuron_build.publish import PublishError, publish

app = typer.Typer(help="Make model bundles and look into them.", no_args_is_help=True, add_completion=False)

Bundle = Annotated[Path, typer.Argument(help="The bundle's folder.", file_okay=False)]

_console = Console()
_errors = Console(stderr=True, highlight=False)


@app.command("package")
def package_command(
    recipe: Annotated[str, typer.Argument(help="A recipe that can be packaged here, such as tiny-sdxl.")],
    output: Annotated[Path, typer.Option(help="Where bundles go, each in a folder of its own name.")] = Path(
        ".build/bundles"
    ),
    name: Annotated[str | None, typer.Option(help="The bundle's name. Default: the recipe's.")] = None,
    compiler: Annotated[Literal["cpu"], typer.Option(help="What the bundle runs on.")] = "cpu",  # noqa: ARG001
) -> None:
    """Make a bundle, or leave it alone when it is up to date."""
    try:
        with _console.status(f"Looking at {output / (name or recipe)}") as status:
            manifest = package(
                recipe, output, lambda step: status.update(f"Packaging {recipe}: {step}"), name
            )
    except UnknownRecipeError as error:
        raise _refusal(error) from error
    _print_summary(output / (name or recipe), manifest)


@app.command()
def verify(bundle: Bundle) -> None:
    """Check that a bundle is whole, unaltered and holds nothing else."""
    try:
        manifest = verify_bundle(bundle)
    except BundleError as error:
        raise _refusal(error) from error
    _print_summary(bundle, manifest)


@app.command()
def inspect(bundle: Bundle) -> None:
    """Show what a bundle's manifest says."""
    try:
        manifest = read_manifest(bundle)
    except BundleError as error:
        raise _refusal(error) from error
    table = Table(
        "File", "Bytes", "SHA-256", title=f"{manifest.name} ({manifest.source}, {manifest.licence})"
    )
    table.columns[1].justify = "right"
    for path, described in manifest.files.items():
        table.add_row(path, f"{described.bytes:,}", described.sha256[:16])
    _console.print(table)
    _print_summary(bundle, manifest)


@app.command("publish")
def publish_command(
    bundle: Bundle,
    destination: Annotated[str, typer.Argument(help="s3://bucket/prefix/ or a folder.")],
) -> None:
    """Copy a bundle below its digest; the last line printed is where it is."""
    try:
        place = publish(bundle, destination)
    except (BundleError, PublishError) as error:
        raise _refusal(error) from error
    _console.print(place, soft_wrap=True, highlight=False)


def _print_summary(folder: Path, manifest: Manifest) -> None:
    size = sum(described.bytes for described in manifest.files.values())
    _console.print(
        f"{folder}: {manifest.recipe} for {manifest.compiler}, {len(manifest.files)} files, "
        f"{size / 2**20:.1f} MiB, digest {manifest.digest}",
        soft_wrap=True,
        highlight=False,
    )


def _refusal(error: Exception) -> typer.Exit:
    _errors.print(f"error: {error}", style="red", soft_wrap=True, markup=False)
    return typer.Exit(code=1)
