"""SHA-256 of files, remembered: gigabytes that nobody touched are not read again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# A file written in the same tick of the file system's clock as it was read may change without its time
# changing. Only files that were older than this when they were read are remembered.
_SETTLED_NS = 2 * 10**9


def digest_of(content: Any) -> str:
    """SHA-256 of the canonical JSON of something."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Digests:
    """Digests of files by path, size, time of change and inode."""

    def __init__(self, known: Mapping[str, Any] | None = None) -> None:
        self._known: dict[str, Any] = dict(known or {})
        self._changed = False

    def sha256(self, path: Path) -> str:
        """SHA-256 of a file's content, 64 lower-case hexadecimal digits."""
        status = path.stat()
        identity = [status.st_size, status.st_mtime_ns, status.st_ino]
        key = str(path.resolve())
        if key in self._known and self._known[key][:3] == identity:
            return str(self._known[key][3])
        now = time.time_ns()
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if now - status.st_mtime_ns > _SETTLED_NS:
            self._known[key] = [*identity, sha256]
            self._changed = True
        return sha256

    def save(self, path: Path) -> None:
        """Write what is known, whole or not at all."""
        if not self._changed:
            return
        present = {name: entry for name, entry in self._known.items() if Path(name).exists()}
        half = path.with_name(f"{path.name}.{os.getpid()}")
        half.write_text(json.dumps(present), encoding="utf-8")
        half.replace(path)


@contextmanager
def remembered_digests(path: Path) -> Iterator[Digests]:
    """Digests that are remembered in a file; one that can't be read is as good as none."""
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        known = {}
    digests = Digests(known if isinstance(known, dict) else {})
    try:
        yield digests
    finally:
        digests.save(path)
