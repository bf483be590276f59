"""NeuronCore executables by torch_neuronx, on an Inferentia2 host or on any host with enough memory.

Never run where this was written: the Neuron SDK can't be installed there. Every call is held to the API's
documentation by a stand-in (tests/neuron_build/torch_neuronx_stand_in.py), which is all that has been shown.
The signatures: aws-neuron-sdk, frameworks/torch/torch-neuronx/api-reference-guide/inference, SDK 2.28.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuron_build.compilers import CompilerError

if TYPE_CHECKING:
    import torch

# Softmax as one fused operation, as AWS's Stable Diffusion samples compile (aws-neuron-samples,
# torch-neuronx/inference): read when torch_neuronx is imported.
ENVIRONMENT: Mapping[str, str] = {"NEURON_FUSE_SOFTMAX": "1"}

# The Neuron libraries ask this machine's hardware what to compile for, unless told before they are imported
# (huggingface/optimum-neuron#961).
_TARGET = "NEURON_PLATFORM_TARGET_OVERRIDE"
TARGETS = ("inf2", "trn1", "trn1n", "trn2")

_INSTALL = (
    "the neuron compiler needs {package}, which is not installed. It comes from AWS's own package index: "
    "pip install torch-neuronx neuronx-cc --extra-index-url https://pip.repos.neuron.amazonaws.com "
    "(Python 3.10 or 3.11 on Linux; SDK 2.26 to 2.29 fits SageMaker's hosts)"
)


def versions() -> dict[str, str]:
    """Of torch-neuronx and neuronx-cc, neither of them imported."""
    found = {}
    for package in ("torch-neuronx", "neuronx-cc"):
        try:
            found[package] = version(package)
        except PackageNotFoundError as error:
            raise CompilerError(_INSTALL.format(package=package)) from error
    return found


def arguments(recipe: Sequence[str], target: str | None) -> tuple[str, ...]:
    """The recipe's arguments, and --target where the host has no Neuron device."""
    # The default changed from matmult to none in SDK 2.27: what a part is must not follow it.
    if not any(argument.startswith("--auto-cast=") for argument in recipe):
        raise CompilerError("a recipe's compiler_args must say --auto-cast, also where it is none")
    if target is None:
        return tuple(recipe)
    if target not in TARGETS:
        raise CompilerError(f"no target {target!r}; there is: {', '.join(TARGETS)}")
    return (*recipe, f"--target={target}")


def compile_part(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], *, arguments: Sequence[str], workdir: Path
) -> torch.jit.ScriptModule:
    """Compile the module; with a --target among the arguments on the CPU, else on this host's own device.

    The weights are inlined: apart from the executable they are slower and take more device memory.
    """
    target = next((one.partition("=")[2] for one in arguments if one.startswith("--target=")), None)
    torch_neuronx = import_torch_neuronx(target)
    traced: torch.jit.ScriptModule = torch_neuronx.trace(
        module.eval(),
        inputs,
        compiler_workdir=str(workdir),
        compiler_args=list(arguments),
        inline_weights_to_neff=True,
        cpu_backend=target is not None,
    )
    # Right after trace and before torch.jit.save: the executables of a pipeline then load side by side, and
    # not before they are placed on their cores.
    torch_neuronx.async_load(traced)
    torch_neuronx.lazy_load(traced)
    return traced


def import_torch_neuronx(target: str | None) -> Any:
    """torch_neuronx, imported with the environment it reads at import."""
    os.environ.update(ENVIRONMENT)
    if target is not None:
        os.environ[_TARGET] = target
    try:
        return importlib.import_module("torch_neuronx")
    except ImportError as error:
        raise CompilerError(_INSTALL.format(package=error.name or "torch-neuronx")) from error
