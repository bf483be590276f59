"""The ``darkroom`` command: one module for each thing that an engineer does with a campaign."""

from darkroom.cli import deployed, deploying, files, keys, loading, local, mending, spending, watching
from darkroom.cli.application import app

__all__ = [
    "app",
    "deployed",
    "deploying",
    "files",
    "keys",
    "loading",
    "local",
    "mending",
    "spending",
    "watching",
]
