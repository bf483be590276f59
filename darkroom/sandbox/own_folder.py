"""Temporary folders that carry their owner's process id, so that an owner's violent end is no leak."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil

_PREFIX = "darkroom-sandbox-"


def make() -> Path:
    """A new temporary folder of this process, which removes it when it is done."""
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def remove_orphans() -> None:
    """Remove the folders of processes that were killed (SIGKILL) and could not do it."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
