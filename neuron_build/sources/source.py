"""Opens a source by how it is written on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.recipe import Recipe

from neuron_build import ROOT
from neuron_build.digests import Digests, digest_of
from neuron_build.sources import SourceError
from neuron_build.sources.archive import unpack
from neuron_build.sources.diffusers_folder import find_model, licence_in, source_files

# A recipe may name a folder below it: a model that is shipped.
MODEL_ARTIFACTS = ROOT / "model_artifacts"
RANDOM = "random"

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")

Report = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """A model to compile.

    Attributes:
        folder: in diffusers layout.
        model: its name, as far as it has one.
        description: where its weights come from; no path of this machine, so that it is the same everywhere.
        licence: under what terms it may be used.
    """

    folder: Path
    model: str
    description: str
    licence: str


def open_source(text: str | None, recipe: Recipe, cache: Path, digests: Digests, report: Report) -> Source:
    """The model that a text names: a folder, a .tar.gz, s3://bucket/prefix/, a hub's id; None: the recipe's.

    Args:
        cache: folder for what is downloaded, unpacked or generated; it is found there the next time.
        report: called with what is being fetched.

    Raises:
        SourceError: there is no such source, or it is no model in diffusers layout.
    """
    if text is None:
        return _default(recipe, cache, digests, report)
    path = Path(text)
    if text.startswith("s3://"):
        from neuron_build.sources.s3 import download

        folder = download(text, cache, report)
        return _foreign(_unpacked(folder, cache, digests, report), recipe, digests, origin=text)
    if path.is_dir():
        return _foreign(_unpacked(path, cache, digests, report), recipe, digests, origin=None)
    if path.is_file():
        return _foreign(find_model(unpack(path, cache, digests, report), text), recipe, digests, origin=None)
    if _HUB_ID.fullmatch(text) and not path.is_absolute() and not text.startswith("."):
        return _hub(text, recipe, cache, report)
    raise SourceError(
        f"{text} is no source: there is no such folder or file here. A source is a diffusers folder, "
        "a .tar.gz of one, s3://bucket/prefix/ or a hub id such as org/name"
    )


def _default(recipe: Recipe, cache: Path, digests: Digests, report: Report) -> Source:
    named = recipe.source
    if named.model == RANDOM:
        from neuron_build.sources.random_source import random_folder

        folder = random_folder(recipe.name, cache, digests, report)
        return Source(folder, recipe.name, "random weights made by neuron_build", named.licence)
    shipped = MODEL_ARTIFACTS / named.model
    if shipped.is_dir():
        return Source(shipped, recipe.name, "trained here, shipped with Darkroom", named.licence)
    return _hub(named.model, recipe, cache, report)


def _hub(text: str, recipe: Recipe, cache: Path, report: Report) -> Source:
    from neuron_build.sources.hub import snapshot

    folder, revision = snapshot(text, recipe, cache, report)
    name = text.partition("@")[0]
    licence = recipe.source.licence if name == recipe.source.model else licence_in(folder)
    return Source(find_model(folder, text), name, f"{name} at revision {revision}", licence or _UNKNOWN)


_UNKNOWN = "not said by the source: whoever chose it knows its terms"


def _unpacked(folder: Path, cache: Path, digests: Digests, report: Report) -> Path:
    """A diffusers folder; or the one in a folder's model.tar.gz, as JumpStart and training jobs leave it."""
    archive = folder / "model.tar.gz"
    if archive.is_file() and not (folder / "model_index.json").exists():
        return find_model(unpack(archive, cache, digests, report), str(archive))
    return find_model(folder, str(folder))


def _foreign(folder: Path, recipe: Recipe, digests: Digests, origin: str | None) -> Source:
    files = {
        path.relative_to(folder).as_posix(): digests.sha256(path) for path in source_files(folder, recipe)
    }
    content = digest_of(files)
    where = f"{origin}, " if origin else "a diffusers folder, "
    return Source(
        folder, f"{recipe.family} {content[:12]}", f"{where}content {content}", licence_in(folder) or _UNKNOWN
    )
