"""The ``darkroom`` command against a sandbox, as a person runs it."""

from __future__ import annotations

import subprocess
import sys

from darkroom.sandbox.process import SandboxProcess

_MAIN = "from darkroom.cli import app; app(prog_name='darkroom')"


def darkroom(sandbox: SandboxProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``darkroom`` with ``arguments`` and the sandbox's environment; the caller looks at the status."""
    return subprocess.run(
        [sys.executable, "-c", _MAIN, *arguments],
        # A terminal wide enough that no figure is broken.
        env={**sandbox.env(), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
