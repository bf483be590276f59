"""Puts a bundle together: compiled parts, configuration, serving code, manifest (layout: docs/architecture.md)."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from serving.bundle import MANIFEST, BundleError, BundleFile, Manifest, describe_files, read_manifest
from serving.recipe import Recipe, Size

from neuron_build import ROOT
from neuron_build.adapters import ADAPTERS, adapter_files
from neuron_build.build import Observer, compile_parts
from neuron_build.digests import Digests, remembered_digests
from neuron_build.jobs import default_jobs
from neuron_build.parts_store import PartsStore, StoredPart
from neuron_build.plan import MODEL_ARTIFACTS, RECIPES, Plan, find_recipe, plan_parts
from neuron_build.sources.diffusers_folder import check_source, configuration_files
from neuron_build.sources.source import Source, open_source

CACHE = ROOT / ".build" / "parts"

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How parts are compiled.

    Attributes:
        source: what to compile, see sources.source; None for the recipe's own.
        compiler: "cpu" or "neuron".
        target: what the neuron compiler compiles for on a host without a Neuron device, such as "inf2".
        sizes: of the recipe's (width, height) pairs; none for all of them.
        cache: folder of compiled parts and fetched sources.
        jobs: the most parts to compile at once.
    """

    source: str | None = None
    compiler: str = "cpu"
    target: str | None = None
    sizes: tuple[Size, ...] = ()
    cache: Path = CACHE
    jobs: int = default_jobs()


@dataclass(frozen=True)
class Build:
    """Parts that are in the store, and what they were made of."""

    plan: Plan
    source: Source
    parts: Mapping[str, StoredPart]
    store: PartsStore


def compile_recipe(
    recipe: str, options: Options, digests: Digests, report: Report, observe: Observer | None = None
) -> Build:
    """Have every part of a recipe in the store.

    Raises:
        UnknownRecipeError, ValueError: no such recipe, or it has no such size.
        SourceError: the source is not there, or is no model for the recipe.
        CompilerError: the compiler can't be used as asked.
        BuildError: a part could not be compiled.
    """
    wanted, store = find_recipe(recipe, options.sizes), PartsStore(options.cache)
    source = open_source(options.source, wanted, store.sources, digests, report)
    check_source(source.folder, wanted)
    plan = plan_parts(wanted, source, compiler_name=options.compiler, target=options.target, digests=digests)
    parts = compile_parts(
        plan,
        store,
        jobs=options.jobs,
        observe=observe
        or (lambda event: report(f"{event.part} {event.kind}") if event.kind != "kept" else None),
        waiting=lambda: report("waiting for another build"),
    )
    return Build(plan, source, parts, store)


def package(
    recipe: str,
    output: Path,
    report: Report,
    *,
    name: str | None = None,
    adapter: str = "sagemaker",
    options: Options | None = None,
    observe: Observer | None = None,
) -> Manifest:
    """Make the bundle of a recipe in the folder output/name, unless the same is there already.

    A bundle appears whole or not at all: it is made beside its place and then moved there. Nothing of it
    depends on where it was made or from which folder.

    Args:
        report: called with the name of each step as it begins.
        name: of the bundle; the recipe's if None.
        adapter: the model server it is laid out for.

    Raises:
        ValueError: the name can't be a folder's, or there is no such adapter; and what compile_recipe raises.
    """
    options, name = options or Options(), name or recipe
    if adapter not in ADAPTERS:
        raise ValueError(f"no adapter {adapter!r}; there is: {', '.join(ADAPTERS)}")
    if Path(name).name != name:
        raise ValueError(f"a bundle's name is that of a folder in {output}, not {name!r}")
    with remembered_digests(PartsStore(options.cache).digests) as digests:
        build = compile_recipe(recipe, options, digests, report, observe)
        content = {**_model_and_code(build, adapter), **_parts(build)}
        manifest = _manifest(name, adapter, build, content, digests)
        output.mkdir(parents=True, exist_ok=True)
        with _alone(output):
            if not _is_there(output / name, manifest, digests):
                report("writing the bundle")
                _write(output / name, content, manifest, build)
    return manifest


def serving_code() -> list[Path]:
    """The code that the model container imports from a bundle, whatever its adapter."""
    return sorted((MODEL_ARTIFACTS / "serving").rglob("*.py"))


def _model_and_code(build: Build, adapter: str) -> dict[str, Path | bytes]:
    """Every file of the bundle but the compiled parts, by its path there: a file to copy, or its content."""
    folder, recipe = build.source.folder, build.plan.recipe
    model = {
        f"model/{path.relative_to(folder).as_posix()}": path for path in configuration_files(folder, recipe)
    }
    code = {f"code/{path.relative_to(MODEL_ARTIFACTS).as_posix()}": path for path in serving_code()}
    return {**model, **code, **adapter_files(adapter, recipe), "code/recipe.json": _recipe(recipe)}


def _parts(build: Build) -> dict[str, Path | bytes]:
    return {f"parts/{part.name}.pt": build.store.path(part.address) for part in build.plan.parts}


def _recipe(recipe: Recipe) -> bytes:
    """The recipe's file; with the sizes that were built, where those are not all."""
    written = (RECIPES / f"{recipe.name}.json").read_bytes()
    content = json.loads(written)
    sizes = [list(size) for size in recipe.sizes]
    if content["sizes"] == sizes:
        return written
    return (json.dumps(content | {"sizes": sizes}, indent=2) + "\n").encode()


def _manifest(
    name: str, adapter: str, build: Build, content: Mapping[str, Path | bytes], digests: Digests
) -> Manifest:
    plan, source = build.plan, build.source
    files = {
        path: _describe(origin, digests) for path, origin in content.items() if not path.startswith("parts/")
    }
    files |= {f"parts/{part}.pt": stored.file for part, stored in build.parts.items()}
    return Manifest(
        name=name,
        recipe=plan.recipe.name,
        compiler=plan.compiler,
        files=dict(sorted(files.items())),
        source=source.description,
        licence=source.licence,
        model=source.model,
        versions=plan.versions,
        parts={part.name: part.compiled for part in plan.parts},
        sizes=plan.recipe.sizes,
        steps=asdict(plan.recipe.steps),
        adapter=adapter,
    )


def _describe(origin: Path | bytes, digests: Digests) -> BundleFile:
    if isinstance(origin, bytes):
        return BundleFile(hashlib.sha256(origin).hexdigest(), len(origin))
    return BundleFile(digests.sha256(origin), origin.stat().st_size)


def _is_there(bundle: Path, manifest: Manifest, digests: Digests) -> bool:
    """Whether the bundle is there, whole. Files that nobody touched since they were last read are not read."""
    try:
        if read_manifest(bundle).digest != manifest.digest:
            return False
    except BundleError:
        return False
    return describe_files(bundle, digests.sha256) == manifest.files


def _write(bundle: Path, content: Mapping[str, Path | bytes], manifest: Manifest, build: Build) -> None:
    with tempfile.TemporaryDirectory(dir=bundle.parent, prefix=f".{bundle.name}-") as workshop:
        folder = Path(workshop) / "new"
        for path, origin in content.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(origin, bytes):
                target.write_bytes(origin)
            else:
                shutil.copyfile(origin, target)
        _check_copies(folder, manifest, build)
        (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        if bundle.exists():
            bundle.rename(Path(workshop) / "old")
        folder.rename(bundle)


def _check_copies(folder: Path, manifest: Manifest, build: Build) -> None:
    """Refuse what changed on the way: a stored part that is damaged, a source that is written to meanwhile."""
    written = describe_files(folder)
    for path in (path for path, described in manifest.files.items() if written[path] != described):
        if path.startswith("parts/"):
            build.store.discard(manifest.parts[Path(path).stem].address)
            raise BundleError(f"{path} was damaged in {build.store.folder}: start again, it is compiled anew")
        raise BundleError(f"{path} changed while the bundle was made: start again")


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Let one process at a time write below a folder; the system frees the lock of a process that dies."""
    with (output / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
