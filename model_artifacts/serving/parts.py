"""Loads the compiled parts of a bundle, on a CPU or on NeuronCores, and runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from serving.bundle import BundleError, CompiledPart, Manifest

NEURON_MISSING = (
    "this bundle was compiled for NeuronCores and torch-neuronx is not installed here: run it in one of "
    "AWS's Neuron containers, or pip install torch-neuronx --extra-index-url "
    "https://pip.repos.neuron.amazonaws.com; a bundle that needs neither is compiled with --compiler cpu"
)

Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class LoadedPart:
    """A compiled part, ready to run.

    Attributes:
        module: takes and gives tensors, batch along dimension 0.
        dtypes: what the inputs were compiled as.
        least_batch: a smaller batch is filled up.
    """

    module: Callable[..., Any]
    dtypes: tuple[torch.dtype, ...]
    least_batch: int = 1

    def __call__(self, *inputs: Tensor) -> Tensors:
        """Run on inputs of any floating type and give float32, in which schedulers compute."""
        batch = inputs[0].shape[0]
        cast = [tensor.to(dtype) for tensor, dtype in zip(inputs, self.dtypes, strict=True)]
        if batch < self.least_batch:
            # Data parallel without dynamic batching needs its share on every core.
            cast = [torch.cat([tensor] * self.least_batch) for tensor in cast]
        outputs = self.module(*cast)
        return tuple(tensor[:batch].float() for tensor in _as_tuple(outputs))


class SplitBatch:
    """Runs a part compiled for a batch of one on a larger batch: what torch_neuronx.DataParallel does."""

    def __init__(self, part: Callable[..., Any]) -> None:
        self.part = part

    def __call__(self, *inputs: Tensor) -> Tensors:
        shares = zip(*(tensor.split(1) for tensor in inputs), strict=True)
        outputs = [_as_tuple(self.part(*share)) for share in shares]
        return tuple(torch.cat(column) for column in zip(*outputs, strict=True))


def load_part(bundle: Path, manifest: Manifest, name: str) -> LoadedPart:
    """Load one of the manifest's compiled parts.

    Raises:
        BundleError: the bundle was compiled for something that is not here.
    """
    compiled = manifest.parts[name]
    path = bundle / "parts" / f"{name}.pt"
    dtypes = tuple(getattr(torch, description.dtype) for description in compiled.inputs)
    if manifest.compiler == "cpu":
        module = torch.jit.load(path, map_location="cpu").eval()
        return LoadedPart(SplitBatch(module) if len(compiled.cores) > 1 else module, dtypes)
    if manifest.compiler == "neuron":
        return LoadedPart(_on_neuron_cores(path, compiled), dtypes, least_batch=len(compiled.cores))
    raise BundleError(f"{bundle} was compiled with {manifest.compiler!r}, this code runs cpu and neuron")


def _on_neuron_cores(path: Path, compiled: CompiledPart) -> Callable[..., Any]:
    try:
        import torch_neuronx  # type: ignore[import-not-found]  # registers what its TorchScript calls
    except ModuleNotFoundError as error:
        raise BundleError(NEURON_MISSING) from error
    module: Callable[..., Any] = torch.jit.load(path)
    if len(compiled.cores) == 1:
        return module
    parallel: Callable[..., Any] = torch_neuronx.DataParallel(
        module, device_ids=list(compiled.cores), dim=0, set_dynamic_batching=False
    )
    return parallel


def _as_tuple(outputs: Any) -> Tensors:
    return outputs if isinstance(outputs, tuple) else (outputs,)
