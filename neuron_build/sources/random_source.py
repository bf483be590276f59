"""The tiny random models as sources: made once, and again when what makes them changes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from neuron_build import ROOT
from neuron_build.digests import Digests, digest_of
from neuron_build.processes import process_context
from neuron_build.random_models import NAMES, write_random_model
from neuron_build.sources import SourceError

_CODE = ROOT / "neuron_build"
# Parameters are named by these.
_LIBRARIES = ("diffusers", "transformers", "safetensors")


def random_folder(name: str, cache: Path, digests: Digests, report: Callable[[str], None]) -> Path:
    """The random model of a recipe's name.

    Raises:
        SourceError: there is no random model of this name.
    """
    if name not in NAMES:
        raise SourceError(f"recipe {name} has no random model; there is: {', '.join(NAMES)}")
    files = [
        _CODE / "byte_tokenizer.py",
        _CODE / "random_weights.py",
        *sorted((_CODE / "random_models").glob("*.py")),
    ]
    made_of = {path.name: digests.sha256(path) for path in files}
    made_with = {library: version(library) for library in _LIBRARIES}
    destination = cache / f"{name}-{digest_of([made_of, made_with])[:32]}"
    if destination.is_dir():
        return destination
    report(f"making {name}'s random weights")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=f".{name}-") as half:
        # In a process of its own: torch is a large import for a build that then starts more processes.
        child = process_context().Process(target=write_random_model, args=(name, Path(half) / name))
        child.start()
        child.join()
        if child.exitcode != 0:
            raise SourceError(f"making the random model {name} failed")
        try:
            (Path(half) / name).rename(destination)
        except OSError:
            if not destination.is_dir():  # another process made the same
                raise
    return destination
