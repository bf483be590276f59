"""The bundle that a campaign names: a folder built here, or a prefix in S3.

The manifest's format is the seam with neuron_build (docs/architecture.md, "Bundle").
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ValidationError

MANIFEST = "bundle.json"
BUILD = (
    "`make setup` builds the tiny bundle, "
    "`python -m neuron_build package NAME --output .build/bundles` any other"
)

# The bucket naming rules of the S3 user guide, then a prefix of at least one part.
S3_PREFIX = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<prefix>[\w!.*'()/-]+)")


@dataclass(frozen=True)
class LocalBundle:
    """A bundle on this machine, checked against its manifest.

    Attributes:
        root: its folder.
        digest: SHA-256 of the canonical manifest, 64 hex digits.
        files: every file to publish, the manifest too: path relative to root, and its SHA-256.
        sizes: (width, height) pairs it was compiled for; some of its recipe's.
        adapter: the model server it is laid out for: sagemaker or djl.
    """

    root: Path
    digest: str
    files: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[int, int], ...] = ()
    adapter: str = "sagemaker"

    @property
    def version(self) -> str:
        """What changes when the content changes."""
        return self.digest


@dataclass(frozen=True)
class RemoteBundle:
    """A bundle that is in S3 already. The last part of the prefix is its digest or version."""

    bucket: str
    prefix: str

    @property
    def version(self) -> str:
        """What changes when the content changes; other prefixes are other bundles."""
        return f"{self.bucket}/{self.prefix}"


class BundleError(Exception):
    """A bundle that can't be served: the rule it breaks, and what would be right."""

    def __init__(self, rule: str, expected: str) -> None:
        self.rule, self.expected = rule, expected
        super().__init__(f"{rule}; expected: {expected}")


class _File(BaseModel):
    sha256: str
    bytes: int


class _Manifest(BaseModel):
    recipe: str
    digest: str
    files: dict[str, _File]
    sizes: tuple[tuple[int, int], ...] = ()
    adapter: Literal["sagemaker", "djl"] = "sagemaker"


def find_bundle(bundles: Path, name: str, *, recipe: str) -> LocalBundle | RemoteBundle:
    """The bundle that a campaign calls ``name``.

    Raises:
        BundleError: it is not there, not for this recipe, or not what its manifest says.
    """
    if "://" in name:
        return _remote(name)
    return _local(bundles, name, recipe=recipe)


def _remote(uri: str) -> RemoteBundle:
    match = S3_PREFIX.fullmatch(uri)
    if match is None:
        raise BundleError(
            "a bundle in S3 is a bucket and a prefix whose last part is its digest or version",
            "s3://bucket/bundles/digest/",
        )
    return RemoteBundle(bucket=match["bucket"], prefix=match["prefix"].rstrip("/") + "/")


def _local(bundles: Path, name: str, *, recipe: str) -> LocalBundle:
    root = bundles / name
    if PurePosixPath(name).name != name or not (root / MANIFEST).is_file():
        built = sorted(path.parent.name for path in bundles.glob(f"*/{MANIFEST}"))
        there = f"built so far: {', '.join(built)}" if built else "none has been built"
        raise BundleError(f"the bundle must have been built into {bundles} ({there})", BUILD)
    manifest, digest = _read_manifest(root)
    if manifest.recipe != recipe:
        raise BundleError(f"the bundle was made for recipe {manifest.recipe}", f"a bundle of recipe {recipe}")
    if manifest.digest != digest:
        raise BundleError("the manifest's digest is not that of its content: it was edited", BUILD)
    _check_files(root, manifest)
    listed = [(path, file.sha256) for path, file in manifest.files.items()]
    files = tuple(sorted([*listed, (MANIFEST, _sha256(root / MANIFEST))]))
    return LocalBundle(root, digest, files, manifest.sizes, manifest.adapter)


def _read_manifest(root: Path) -> tuple[_Manifest, str]:
    """The manifest, and the digest that its content has."""
    try:
        content = json.loads((root / MANIFEST).read_bytes())
        manifest = _Manifest.model_validate(content)
    except (ValueError, ValidationError) as error:
        raise BundleError(f"{MANIFEST} is no manifest: {type(error).__name__}", BUILD) from error
    del content["digest"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return manifest, hashlib.sha256(canonical.encode()).hexdigest()


def _check_files(root: Path, manifest: _Manifest) -> None:
    # Python writes bytecode beside the serving code where that is imported from the folder.
    files = [path for path in root.rglob("*") if path.is_file() and path.parent.name != "__pycache__"]
    there = {path.relative_to(root).as_posix() for path in files} - {MANIFEST}
    for path in sorted(there ^ manifest.files.keys()):
        state = "is not in the manifest" if path in there else "is missing"
        raise BundleError(f"the bundle's files are those of its manifest; {path} {state}", BUILD)
    for path, file in manifest.files.items():
        if _sha256(root / path) != file.sha256:
            raise BundleError(f"the bundle's files are those of its manifest; {path} was altered", BUILD)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
