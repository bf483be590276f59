"""The weights and bundles that a job finds in its input channels."""

from __future__ import annotations

import tarfile
from pathlib import Path


class SourceError(Exception):
    """An input channel does not hold what the job needs; the text says what it holds."""


def weights_source(channel: Path) -> Path | None:
    """What is compiled: the channel's one archive, or its folder; None if there is no such channel."""
    return (_archive(channel) or channel) if channel.is_dir() else None


def weights_folder(channel: Path, unpacked: Path) -> Path:
    """The channel's folder of weights; an archive (a JumpStart model, say) is unpacked for it.

    Raises:
        SourceError: there is no such channel, or the archive can't be unpacked safely.
    """
    if not channel.is_dir():
        raise SourceError("there is no source to fine-tune")
    archive = _archive(channel)
    if archive is None:
        return channel
    if not hasattr(tarfile, "data_filter"):
        raise SourceError(f"this Python's tarfile can't unpack {archive.name} safely: give a folder")
    try:
        with tarfile.open(archive) as content:
            content.extractall(unpacked, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise SourceError(f"{archive.name} can't be unpacked: {error}") from error
    return unpacked


def _archive(channel: Path) -> Path | None:
    files = [path for path in channel.rglob("*") if path.is_file()]
    return files[0] if len(files) == 1 and files[0].name.endswith(".tar.gz") else None


def one_bundle(folder: Path) -> Path:
    """The one bundle somewhere in a folder.

    Raises:
        SourceError: there is none, or there are several.
    """
    found = sorted(path.parent for path in folder.rglob("bundle.json"))
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found) or "none"
        raise SourceError(f"one bundle was expected in {folder.name}, there is {names}")
    return found[0]
