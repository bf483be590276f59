"""What the parts' processes run, by reference: looking it up must not import torch into the build itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

# What it leaves in its folder beside the part: seconds and GiB, and all that was written to the terminal.
MEASURED = "measured"
LOG = "compiler.log"

if TYPE_CHECKING:
    from neuron_build.plan import PlannedPart


def run(part: PlannedPart, workshop: Path, threads: int) -> None:
    """Compile a part; see part_process."""
    from neuron_build.part_process import compile_in_process

    compile_in_process(part, workshop, threads)
