"""Whether a bundle must be made again: not if it is whole and was made from the inputs there are now."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from serving.bundle import BundleError, Manifest, verify_bundle

from neuron_build import ROOT

# A model's parameters are named by these libraries.
_LIBRARIES = ("diffusers", "transformers", "safetensors")


def bundle_if_fresh(bundle: Path, inputs: Sequence[Path]) -> Manifest | None:
    """The manifest of a bundle that needs no building; None for any other."""
    record = _record(bundle)
    if not record.exists() or record.read_text() != _digest(inputs):
        return None
    try:
        return verify_bundle(bundle)
    except BundleError:
        return None


def record_inputs(bundle: Path, inputs: Sequence[Path]) -> None:
    """Remember beside a bundle what it was made from. Not in it: a new comment makes no new bundle."""
    _record(bundle).write_text(_digest(inputs))


def _record(bundle: Path) -> Path:
    return bundle.with_name(f".{bundle.name}.inputs")


def _digest(inputs: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    for path in inputs:
        digest.update(f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
