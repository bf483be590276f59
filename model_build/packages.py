"""What a container lacks of the packages that a job needs.

AWS's containers bring torch, the Neuron SDK and more, each in versions that fit together: what is there is
kept as it is. What is not (a command line's typer, say) is installed in the version that the project pins.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def install_missing(packages: Sequence[str], *, constraints: Path) -> list[str]:
    """Install those of ``packages`` that can't be imported; the requirements that were installed.

    Raises:
        subprocess.CalledProcessError: pip failed; a job in a private network without an index needs an image
            of its own that has everything.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    wanted = [_pinned(name, constraints) for name in missing]
    if wanted:
        print(f"installing {', '.join(wanted)}", flush=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return wanted


def _pinned(name: str, constraints: Path) -> str:
    """``name==version``. Only the package itself is held: what it needs has to fit what the container has."""
    pins = constraints.read_text(encoding="utf-8") if constraints.is_file() else ""
    pin = re.search(rf"^{re.escape(name)}==\S+$", pins, re.MULTILINE)
    return pin[0] if pin else name
