"""The ``darkroom`` command: one module for each thing that an engineer does with a campaign."""

from darkroom.cli import deployed, files, keys, loading, local, mending, spending, watching
from darkroom.cli.application import app

__all__ = ["app", "deployed", "files", "keys", "loading", "local", "mending", "spending", "watching"]
