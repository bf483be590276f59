"""Puts a bundle together: model parts, serving code, recipe, manifest (layout: docs/architecture.md)."""

import fcntl
import importlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

from serving.bundle import MANIFEST, Manifest, describe_files
from serving.recipe import read_recipe

from neuron_build import ROOT
from neuron_build.freshness import bundle_if_fresh, record_inputs

MODEL_ARTIFACTS = ROOT / "model_artifacts"
RECIPES = MODEL_ARTIFACTS / "recipes"

# The module that writes a recipe's parts. By name, because it imports torch and a fresh bundle needs none.
_MODELS = {"tiny-sdxl": "neuron_build.tiny_sdxl"}

Report = Callable[[str], None]


class UnknownRecipeError(Exception):
    """A recipe that this machine can't package; the message names those it can."""


class Model(Protocol):
    """What a module in _MODELS defines.

    PARTS are the functions that write each part below model/, by its path there.
    """

    COMPILER: str
    SOURCE: str
    LICENCE: str
    PARTS: Mapping[str, Callable[[Path], None]]


def package(recipe: str, output: Path, report: Report, name: str | None = None) -> Manifest:
    """Make the bundle of a recipe in the folder output/name, unless a fresh one is there.

    A bundle appears whole or not at all: it is made beside its place and then moved there.

    Args:
        name: the bundle's name; by default its recipe's.
        report: called with the name of each step as it begins; not at all for a fresh bundle.

    Raises:
        UnknownRecipeError: the recipe can't be packaged here.
    """
    if recipe not in _MODELS:
        raise UnknownRecipeError(f"no recipe {recipe!r} to package; there is: {', '.join(sorted(_MODELS))}")
    name = name or recipe
    destination = output / name
    inputs = [RECIPES / f"{recipe}.json", *serving_code(), *sorted((ROOT / "neuron_build").glob("*.py"))]
    output.mkdir(parents=True, exist_ok=True)
    with _alone(output):
        fresh = bundle_if_fresh(destination, inputs)
        if fresh is not None:
            return fresh
        model = cast(Model, importlib.import_module(_MODELS[recipe]))
        with tempfile.TemporaryDirectory(dir=output, prefix=f".{name}-") as workshop:
            folder = Path(workshop) / "new"
            manifest = _write_bundle(folder, name, recipe, model, report)
            if destination.exists():
                destination.rename(Path(workshop) / "old")
            folder.rename(destination)
        record_inputs(destination, inputs)
    return manifest


def serving_code() -> list[Path]:
    """The code that the model container imports from a bundle's code/ folder."""
    return [MODEL_ARTIFACTS / "inference.py", *sorted((MODEL_ARTIFACTS / "serving").rglob("*.py"))]


def _write_bundle(folder: Path, name: str, recipe: str, model: Model, report: Report) -> Manifest:
    read_recipe(RECIPES / f"{recipe}.json")  # raises if the container could not read it
    (folder / "model").mkdir(parents=True)
    for part, write in model.PARTS.items():
        report(part)
        write(folder / "model" / part)
    report("serving code")
    for source in serving_code():
        _copy(source, folder / "code" / source.relative_to(MODEL_ARTIFACTS))
    _copy(RECIPES / f"{recipe}.json", folder / "code" / "recipe.json")
    report("manifest")
    manifest = Manifest(
        name=name,
        recipe=recipe,
        compiler=model.COMPILER,
        files=describe_files(folder),
        source=model.SOURCE,
        licence=model.LICENCE,
    )
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Let one process at a time build below a folder; the system frees the lock of a process that dies."""
    with (output / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
