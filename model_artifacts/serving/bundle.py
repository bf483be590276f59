"""A bundle's manifest: what files a model ready to serve consists of, and whether they are all there.

The format is described in docs/architecture.md. A download that broke off, a file changed in place or
a file that somebody added is found here, before anything of the bundle is loaded.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# Not manifest.json: Multi Model Server, which serves in SageMaker's Hugging Face container, takes a file of
# that name, in capitals or not, for its own and refuses it (awslabs/multi-model-server, ModelArchive.java).
MANIFEST = "bundle.json"
SCHEMA = 2

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
class CompiledInput:
    """One positional input of a compiled part: its fixed shape, its type as torch names it ("int64")."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class CompiledPart:
    """What a file parts/NAME.pt is and how it is run.

    Attributes:
        part: the family's name for it, such as "unet"; a part compiled for several sizes has a file for each.
        size: (width, height) in pixels it was compiled for; None for a part that every size shares.
        inputs: what it takes, in order. A part that runs on several cores was compiled for one core's share.
        dtype: of its weights and computation.
        cores: process-relative NeuronCores it runs on; on more than one, data parallel over dimension 0.
        address: of the compiled part, over everything it was made of and with; 64 hexadecimal digits.
    """

    part: str
    size: tuple[int, int] | None
    inputs: tuple[CompiledInput, ...]
    dtype: str
    cores: tuple[int, ...]
    address: str


@dataclass(frozen=True)
class Manifest:
    """The manifest without its digest, which follows from the rest.

    Attributes:
        compiler: what the parts were compiled with: "cpu" for TorchScript that runs anywhere, or "neuron".
        files: every file of the bundle but the manifest, by its path with forward slashes.
        source: where the weights come from.
        licence: under what terms they may be used.
        model: what was compiled, such as a hub's name of it.
        versions: of the libraries and the compiler it was made with, by their package's name.
        parts: the compiled parts by the name of their file: parts/NAME.pt.
        sizes: (width, height) pairs in pixels it draws.
        steps: the least and the most denoising steps, and how many without a wish.
        adapter: the model server it is laid out for: "sagemaker" (inference.py) or "djl" (model.py).
    """

    name: str
    recipe: str
    compiler: str
    files: Mapping[str, BundleFile]
    source: str
    licence: str
    model: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, CompiledPart] = field(default_factory=dict)
    sizes: tuple[tuple[int, int], ...] = ()
    steps: Mapping[str, float] = field(default_factory=dict)
    adapter: str = "sagemaker"

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


def describe_files(folder: Path, sha256: Callable[[Path], str] | None = None) -> dict[str, BundleFile]:
    """Size and digest of every file of a bundle folder but its manifest.

    Args:
        sha256: gives a file's digest in lower-case hexadecimal; without one, each file is read.
    """
    return {path: _describe(folder / path, sha256) for path in _paths(folder)}


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
        parts = {name: _compiled_part(described) for name, described in content.pop("parts").items()}
        sizes = tuple(_size(size) for size in content.pop("sizes"))
        manifest = Manifest(files=files, parts=parts, sizes=sizes, **content)
    except FileNotFoundError as error:
        raise BundleError(f"{folder} is no bundle: {MANIFEST} is missing") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{path} is no manifest: {error}") from error
    if digest != manifest.digest:
        raise BundleError(f"{path} was altered: its digest is {manifest.digest}, it says {digest}")
    return manifest


def _compiled_part(content: dict[str, Any]) -> CompiledPart:
    inputs = tuple(CompiledInput(tuple(one["shape"]), one["dtype"]) for one in content.pop("inputs"))
    size, cores = content.pop("size"), tuple(content.pop("cores"))
    return CompiledPart(inputs=inputs, size=None if size is None else _size(size), cores=cores, **content)


def _size(content: Any) -> tuple[int, int]:
    width, height = content
    return width, height


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


def _describe(path: Path, sha256: Callable[[Path], str] | None = None) -> BundleFile:
    return BundleFile(sha256=(sha256 or _sha256)(path), bytes=path.stat().st_size)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
