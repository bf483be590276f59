"""Memory that this process and its children may still take: the machine's, or its container's if that is less."""

from __future__ import annotations

from pathlib import Path

import psutil

_CGROUPS = Path("/sys/fs/cgroup")
# Limit and use: cgroup v2, then v1.
_FILES = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def free_gib(cgroups: Path = _CGROUPS) -> float:
    """GiB free, caches that the system can drop included."""
    available = float(psutil.virtual_memory().available)
    for limit_file, used_file in _FILES:
        limit, used = _bytes(cgroups / limit_file), _bytes(cgroups / used_file)
        if limit is not None and used is not None:
            available = min(available, max(0.0, limit - used + _droppable(cgroups, limit_file)))
    return available / 2**30


def _bytes(path: Path) -> float | None:
    """A number of bytes; None where there is none, and for "max"."""
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return None


def _droppable(cgroups: Path, limit_file: str) -> float:
    """Bytes of files the group has in memory, which count as used until somebody needs the room."""
    try:
        lines = (cgroups / limit_file).with_name("memory.stat").read_text().splitlines()
    except OSError:
        return 0.0
    statistics = dict(line.split(maxsplit=1) for line in lines if " " in line)
    return float(statistics.get("inactive_file", statistics.get("total_inactive_file", 0)))
