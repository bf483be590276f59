"""The commands of `python -m neuron_build`."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from serving.bundle import BundleError, Manifest, read_manifest, verify_bundle
from serving.recipe import read_size

from neuron_build.build import BuildError
from neuron_build.compilers import NAMES, CompilerError
from neuron_build.digests import remembered_digests
from neuron_build.jobs import default_jobs
from neuron_build.package import CACHE, Options, compile_recipe, package
from neuron_build.parts_store import PartsStore
from neuron_build.plan import UnknownRecipeError
from neuron_build.progress import build_progress
from neuron_build.sources import SourceError

app = typer.Typer(help="Compile models and make bundles of them.", no_args_is_help=True, add_completion=False)

Bundle = Annotated[Path, typer.Argument(help="The bundle's folder.", file_okay=False)]
Recipe = Annotated[str, typer.Argument(help="A recipe of model_artifacts/recipes, such as tiny-sdxl.")]
Source = Annotated[
    str | None,
    typer.Option(
        help="What to compile: a diffusers folder, a .tar.gz of one, s3://bucket/prefix/ or a hub id; "
        "by default what the recipe names."
    ),
]
CompilerName = Annotated[str, typer.Option("--compiler", help=f"{' or '.join(NAMES)}.")]
Target = Annotated[
    str | None, typer.Option(help="Instance family to compile for on a host without a Neuron device: inf2.")
]
Sizes = Annotated[
    list[str] | None,
    typer.Option("--size", help="WIDTHxHEIGHT, one of the recipe's; may be repeated. All by default."),
]
Cache = Annotated[Path, typer.Option(help="Folder of compiled parts and fetched sources.", file_okay=False)]
Jobs = Annotated[
    int, typer.Option(help="The most parts to compile at once; fewer where memory is short.", min=1)
]

_JOBS = default_jobs()

_console = Console()
_errors = Console(stderr=True, highlight=False)

# What the person at the terminal can do something about; anything else is our fault and shows its trace.
_REFUSALS = (UnknownRecipeError, SourceError, CompilerError, BuildError, BundleError, ValueError)


def main() -> None:
    """Run a command. Ended by SIGTERM it tidies up as after Ctrl-C: the compilers go with it."""
    signal.signal(signal.SIGTERM, _stop)
    app(prog_name="python -m neuron_build")


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)


@app.command("compile")
def compile_command(
    recipe: Recipe,
    source: Source = None,
    compiler: CompilerName = "cpu",
    target: Target = None,
    size: Sizes = None,
    cache: Cache = CACHE,
    jobs: Jobs = _JOBS,
) -> None:
    """Compile what is missing of a recipe's parts, and keep it for `package`."""
    try:
        options = _options(source, compiler, target, size, cache, jobs)
        with build_progress(_console) as progress, remembered_digests(PartsStore(cache).digests) as digests:
            build = compile_recipe(recipe, options, digests, progress.report, progress.observe)
    except _REFUSALS as error:
        raise _refusal(error) from error
    table = Table("Part", "Address", "MiB", "Compiled in", "Most memory", title=f"{recipe} for {compiler}")
    for column in table.columns[2:]:
        column.justify = "right"
    for part in build.plan.parts:
        stored = build.parts[part.name]
        table.add_row(
            part.name,
            part.address[:16],
            f"{stored.file.bytes / 2**20:.1f}",
            f"{stored.seconds:.1f} s",
            f"{stored.peak_gib:.2f} GiB",
        )
    _console.print(table)
    _console.print(
        f"{progress.compiled} of {len(build.parts)} parts compiled, the rest was there: {cache}",
        soft_wrap=True,
    )


@app.command("package")
def package_command(
    recipe: Recipe,
    output: Annotated[Path, typer.Option(help="Where bundles go, each in a folder of its name.")],
    name: Annotated[str | None, typer.Option(help="The bundle's name; the recipe's by default.")] = None,
    adapter: Annotated[str, typer.Option(help="The model server it is for: sagemaker or djl.")] = "sagemaker",
    source: Source = None,
    compiler: CompilerName = "cpu",
    target: Target = None,
    size: Sizes = None,
    cache: Cache = CACHE,
    jobs: Jobs = _JOBS,
) -> None:
    """Make a bundle, compiling what is missing, or leave it alone when it is up to date."""
    try:
        options = _options(source, compiler, target, size, cache, jobs)
        with build_progress(_console) as progress:
            manifest = package(
                recipe,
                output,
                progress.report,
                name=name,
                adapter=adapter,
                options=options,
                observe=progress.observe,
            )
    except _REFUSALS as error:
        raise _refusal(error) from error
    _print_summary(output / manifest.name, manifest)


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
    _console.print(_parts_table(manifest))
    _console.print(_files_table(manifest))
    versions = ", ".join(f"{name} {number}" for name, number in manifest.versions.items())
    _console.print(f"{manifest.model}: {manifest.source} ({manifest.licence})", soft_wrap=True, markup=False)
    _console.print(f"compiled with {manifest.compiler}: {versions}", soft_wrap=True, highlight=False)
    _print_summary(bundle, manifest)


@app.command()
def publish(
    bundle: Bundle,
    destination: Annotated[str, typer.Argument(help="s3://bucket/prefix/, or a folder.")],
) -> None:
    """Verify a bundle and copy it below its digest, the manifest last. Prints where, as the last line."""
    from neuron_build.publish import PublishError, publish_bundle

    try:
        with _console.status("verifying") as status:
            published = publish_bundle(bundle, destination, status.update)
    except (PublishError, *_REFUSALS) as error:
        raise _refusal(error) from error
    _console.print(f"{published.copied} files copied, {published.kept} were there")
    # Plain: what starts this command reads it.
    typer.echo(published.location)


@app.command()
def bench(
    bundle: Bundle,
    runs: Annotated[
        int, typer.Option(help="Pictures of each size, after two that are not counted.", min=1)
    ] = 20,
    steps: Annotated[int | None, typer.Option(help="Denoising steps; the recipe's default without.")] = None,
    size: Sizes = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the measurements, for `darkroom plan`.")
    ] = None,
    price: Annotated[float | None, typer.Option(help="Dollars an hour of the machine.", min=0)] = None,
    instance_type: Annotated[
        str | None, typer.Option(help="Its price is looked up in the planner's price file.")
    ] = None,
) -> None:
    """Draw pictures with a bundle on this machine: P50, P95 and the cost of an image."""
    from neuron_build.bench import BenchError, bench_bundle, bench_table, write_bench

    try:
        sizes = tuple(read_size(text) for text in size or ())
        with _console.status("loading") as status:
            result = bench_bundle(
                bundle,
                runs=runs,
                steps=steps,
                sizes=sizes,
                price=price,
                instance_type=instance_type,
                report=status.update,
            )
        if json_file is not None:
            write_bench(result, json_file)
    except (BenchError, *_REFUSALS) as error:
        raise _refusal(error) from error
    _console.print(bench_table(result))


def _options(
    source: str | None, compiler: str, target: str | None, sizes: list[str] | None, cache: Path, jobs: int
) -> Options:
    return Options(
        source=source,
        compiler=compiler,
        target=target,
        sizes=tuple(read_size(text) for text in sizes or ()),
        cache=cache,
        jobs=jobs,
    )


def _parts_table(manifest: Manifest) -> Table:
    table = Table(
        "Part", "Inputs", "Type", "Cores", "Address", title=f"{manifest.name} for {manifest.adapter}"
    )
    for name, part in manifest.parts.items():
        inputs = " ".join(f"{one.dtype}{list(one.shape)}".replace(" ", "") for one in part.inputs)
        table.add_row(name, inputs, part.dtype, ",".join(map(str, part.cores)), part.address[:16])
    return table


def _files_table(manifest: Manifest) -> Table:
    table = Table("File", "Bytes", "SHA-256")
    table.columns[1].justify = "right"
    for path, described in manifest.files.items():
        table.add_row(path, f"{described.bytes:,}", described.sha256[:16])
    return table


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
