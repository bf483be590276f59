"""Compiled parts by their addresses. A part is there whole or not at all, and is never written twice."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from serving.bundle import BundleFile

PART = "part.pt"
_RECORD = "record.json"


@dataclass(frozen=True)
class StoredPart:
    """A part in the store, and how it was made.

    Attributes:
        file: content of its TorchScript file.
        seconds: that loading its component and compiling it took.
        peak_gib: most memory its process took; what a compiler's own processes took is not in it.
    """

    file: BundleFile
    seconds: float
    peak_gib: float


class PartsStore:
    """A folder of parts: ADDRESS/part.pt and ADDRESS/record.json."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._work = folder / ".work"

    @property
    def sources(self) -> Path:
        """Folder of what was downloaded, unpacked or generated to be compiled."""
        return self.folder / ".sources"

    @property
    def digests(self) -> Path:
        """File of remembered digests."""
        return self.folder / ".digests.json"

    def path(self, address: str) -> Path:
        """The TorchScript file of a part that is here."""
        return self.folder / address / PART

    def find(self, address: str) -> StoredPart | None:
        """The part of an address, if it is here."""
        try:
            content = json.loads((self.folder / address / _RECORD).read_bytes())
            part = StoredPart(BundleFile(**content["file"]), content["seconds"], content["peak_gib"])
            size = self.path(address).stat().st_size
        except (OSError, KeyError, TypeError, ValueError):
            return None
        # A part that somebody cut off is compiled again. Its digest is checked when it is packaged.
        return part if size == part.file.bytes else None

    def add(self, address: str, workshop: Path, part: StoredPart) -> None:
        """Take in a part that was written to WORKSHOP/part.pt: from now on it is here."""
        (workshop / _RECORD).write_text(json.dumps(asdict(part)) + "\n", encoding="utf-8")
        for name in (PART, _RECORD):
            with (workshop / name).open("rb") as file:
                os.fsync(file.fileno())
        shutil.rmtree(self.folder / address, ignore_errors=True)  # a damaged one; a whole one is not compiled
        workshop.rename(self.folder / address)

    def discard(self, address: str) -> None:
        """Forget a part that turned out to be damaged."""
        shutil.rmtree(self.folder / address, ignore_errors=True)

    @contextmanager
    def alone(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Let one build at a time compile into this folder; the system frees a dead process's lock.

        What a build that was killed left half-written is removed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(self._work, ignore_errors=True)
            try:
                yield
            finally:
                shutil.rmtree(self._work, ignore_errors=True)

    def workshop(self, name: str) -> Path:
        """A new empty folder to compile a part in, on the disk that the parts are on."""
        self._work.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._work, prefix=f"{name}-"))
