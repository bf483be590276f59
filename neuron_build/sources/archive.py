"""A model.tar.gz, as SageMaker's training jobs and JumpStart leave one, unpacked once."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from neuron_build.digests import Digests
from neuron_build.sources import SourceError


def unpack(archive: Path, cache: Path, digests: Digests, report: Callable[[str], None]) -> Path:
    """The folder of an archive's content, below the cache by the archive's digest.

    Raises:
        SourceError: it is no gzipped tar, is cut off, or holds anything but files and folders of its own.
    """
    report(f"reading {archive.name}")
    destination = cache / f"archive-{digests.sha256(archive)[:32]}"
    if destination.is_dir():
        return destination
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".archive-") as half:
        try:
            with tarfile.open(archive, "r:gz") as content:
                for member in content:
                    report(f"unpacking {os.fsdecode(member.name)}")
                    _extract(archive.name, content, member, Path(half) / "content")
        except (tarfile.TarError, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's, not the archive's
            raise SourceError(f"{archive} is no whole .tar.gz: {error}") from error
        (Path(half) / "content").mkdir(exist_ok=True)
        _move(Path(half) / "content", destination)
    return destination


def _extract(archive: str, content: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """One file or folder. Written by ourselves: no owner, mode or link of an archive's is taken over."""
    name = os.fsdecode(member.name)
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise SourceError(f"{archive} is refused: {name} lies outside of the archive")
    target = folder.joinpath(*path.parts)
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
    elif member.isfile():
        target.parent.mkdir(parents=True, exist_ok=True)
        source = content.extractfile(member)
        if source is None:
            raise SourceError(f"{archive}: {name} has no content")
        with source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 2**20)
    else:
        raise SourceError(f"{archive} is refused: {name} is a link or a device, not a file")


def _move(folder: Path, destination: Path) -> None:
    try:
        folder.rename(destination)
    except OSError:
        if not destination.is_dir():  # another process was faster with the same content
            raise
