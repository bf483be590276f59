"""A bundle's manifest: what files a model ready to serve consists of, and whether they are all there.

The format is described in docs/architecture.md. A download that broke off, a file changed in place or
a file that somebody added is found here, before anything of the bundle is loaded.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Not manifest.json: Multi Model Server, which serves in SageMaker's Hugging Face container, takes a file of
# that name, in capitals or not, for its own and refuses it (awslabs/multi-model-server, ModelArchive.java).
MANIFEST = "bundle.json"
SCHEMA = 1

# Python writes these beside the serving code when it is first imported.
_BYTECODE_FOLDER = "__pycache__"

_CHUNK = 2**20  # bytes; weights are larger than the memory of a small host


class BundleError(Exception):
    """A bundle that must not be served; the message names every file at fault."""


@dataclass(frozen=True)
class BundleFile:
    """Content of one file: SHA-256 in lower-case hexadecimal, size in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """The manifest without its digest, which follows from the rest.

    Attributes:
        compiler: what the parts were compiled with: "cpu" for parts that run as they are.
        files: every file of the bundle but the manifest, by its path with forward slashes.
        source: where the weights come from.
        licence: under what terms they may be used.
    """

    name: str
    recipe: str
    compiler: str
    files: Mapping[str, BundleFile]
    source: str
    licence: str

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the manifest without its digest."""
        canonical = json.dumps(self._content(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_json(self) -> str:
        content = self._content() | {"digest": self.digest}
        return json.dumps(content, indent=2, sort_keys=True) + "\n"

    def _content(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}


def describe_files(folder: Path) -> dict[str, BundleFile]:
    """Hash every file of a bundle folder but its manifest."""
    return {path: _describe(folder / path) for path in _paths(folder)}


def read_manifest(folder: Path) -> Manifest:
    """Read a bundle's manifest and check it against its own digest.

    Raises:
        BundleError: there is none, it can't be read, or its digest is not that of its content.
    """
    path = folder / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        schema, digest = content.pop("schema"), content.pop("digest")
        if schema != SCHEMA:
            raise BundleError(f"{path}: schema {schema!r} is unknown, this code reads schema {SCHEMA}")
        files = {name: BundleFile(**described) for name, described in content.pop("files").items()}
        manifest = Manifest(files=files, **content)
    except FileNotFoundError as error:
        raise BundleError(f"{folder} is no bundle: {MANIFEST} is missing") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{path} is no manifest: {error}") from error
    if digest != manifest.digest:
        raise BundleError(f"{path} was altered: its digest is {manifest.digest}, it says {digest}")
    return manifest


def verify_bundle(folder: Path) -> Manifest:
    """Check that a bundle is whole and holds nothing else.

    Raises:
        BundleError: files are missing, foreign, truncated or altered; each is named.
    """
    manifest = read_manifest(folder)
    problems = list(_problems(folder, manifest.files))
    if problems:
        raise BundleError(f"{folder} is not the bundle {manifest.digest}: " + "; ".join(problems))
    return manifest


def _problems(folder: Path, expected: Mapping[str, BundleFile]) -> Iterator[str]:
    present = set(_paths(folder))
    for path in sorted(present - expected.keys()):
        yield f"{path} is foreign, the manifest does not name it"
    for path, described in expected.items():
        if path not in present:
            yield f"{path} is missing"
            continue
        size = (folder / path).stat().st_size
        if size != described.bytes:
            yield f"{path} has {size} bytes instead of {described.bytes}"
        elif _describe(folder / path) != described:
            yield f"{path} was altered, its SHA-256 is not {described.sha256}"


def _paths(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_dir() or relative.as_posix() == MANIFEST or _BYTECODE_FOLDER in relative.parts:
            continue
        yield relative.as_posix()


def _describe(path: Path) -> BundleFile:
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
    return BundleFile(sha256=sha256.hexdigest(), bytes=path.stat().st_size)
