"""TorchScript as torch traces it: runs on any machine, for tests, the sandbox and the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neuron_build.compilers import CompilerError

if TYPE_CHECKING:
    import torch

ENVIRONMENT: Mapping[str, str] = {}


def versions() -> dict[str, str]:
    """None but torch's, which every build records."""
    return {}


def arguments(recipe: Sequence[str], target: str | None) -> tuple[str, ...]:
    """None: a recipe's arguments are neuronx-cc's."""
    del recipe
    if target is not None:
        raise CompilerError(
            f"the cpu compiler has no targets: leave --target {target} out, or --compiler neuron"
        )
    return ()


def compile_part(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], *, arguments: Sequence[str], workdir: Path
) -> torch.jit.ScriptModule:
    """Trace the module and freeze it: weights become constants of one graph, which loads three times as fast.

    It is not traced a second time to compare: the bundle's pictures are compared instead.
    """
    import torch

    del arguments, workdir
    with torch.no_grad():
        traced: torch.jit.ScriptModule = torch.jit.trace(module.eval(), inputs, check_trace=False)
        frozen: torch.jit.ScriptModule = torch.jit.freeze(traced)
    return frozen
