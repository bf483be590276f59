"""Compiles one part in a process of its own.

In a process of its own because torch numbers the classes it traces from the start of the process, so that
what was traced before would show in a part's bytes; because what a compiler leaves in memory goes with it;
and because only the part's own component is ever loaded there.

The process is forked from one that has imported the libraries, once for all parts (see processes.py).
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from dataclasses import asdict
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import TYPE_CHECKING

# Imported before the fork. They are what the families of today are made of; another is imported after it.
import diffusers.models.autoencoders.autoencoder_kl
import diffusers.models.unets.unet_2d_condition  # noqa: F401
import torch
import transformers.models.clip.modeling_clip  # noqa: F401
from serving.families import family

from neuron_build.compilers import compiler
from neuron_build.component import load_component
from neuron_build.part_process_entry import LOG, MEASURED
from neuron_build.parts_store import PART
from neuron_build.torchscript import save

if TYPE_CHECKING:
    from neuron_build.plan import PlannedPart


def compile_in_process(part: PlannedPart, workshop: Path, threads: int) -> None:
    """Compile a part to WORKSHOP/part.pt; what it and its compiler say goes to WORKSHOP/compiler.log."""
    _become_killable()
    _write_to(workshop / LOG)
    torch.set_num_threads(threads)
    start = time.perf_counter()
    os.environ.update(compiler(part.compiler).ENVIRONMENT)
    compile_part(part, workshop)
    # Kilobytes on Linux, bytes on macOS (getrusage(2)).
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    (workshop / MEASURED).write_text(f"{time.perf_counter() - start} {peak / 2**30}")


def compile_part(part: PlannedPart, workshop: Path) -> None:
    """Load a part's component, compile and save it."""
    source = part.component
    module = load_component(
        source.folder,
        source.library,
        source.class_name,
        dtype=part.compiled.dtype,
        variant=source.variant,
    )
    wrapped = family(part.family).parts[part.compiled.part].wrap(module)
    compiled = compiler(part.compiler).compile_part(
        wrapped, example_inputs(part), arguments=part.arguments, workdir=_new(workshop / "compiler")
    )
    save(compiled, workshop / PART)


def example_inputs(part: PlannedPart, device: str = "cpu") -> tuple[torch.Tensor, ...]:
    """Ones of the shapes and types that the part is compiled for: their values decide nothing."""
    return tuple(
        torch.ones(spec["shape"], dtype=getattr(torch, spec["dtype"]), device=device)
        for spec in (asdict(one) for one in part.compiled.inputs)
    )


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _become_killable() -> None:
    """Lead a process group, so that a compiler's own processes go too, and go when the build is gone."""
    os.setsid()
    build = parent_process()
    if build is None:
        return

    def follow() -> None:
        connection.wait([build.sentinel])
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=follow, daemon=True).start()


def _write_to(log: Path) -> None:
    with log.open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
