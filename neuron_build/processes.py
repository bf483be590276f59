"""Where processes are forked from: one that has imported torch, diffusers and transformers, once for a build."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext

# Imports torch, so it is named here and not imported.
_PRELOADED = "neuron_build.part_process"


def process_context() -> ForkServerContext:
    """Starts processes that import __main__ again: that must do nothing by being imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED])
    return context
