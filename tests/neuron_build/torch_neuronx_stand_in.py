"""torch_neuronx as its documentation has it, and nothing besides: for calls that need the SDK.

Signatures and rules from aws-neuron-sdk, frameworks/torch/torch-neuronx/api-reference-guide/inference
(api-torch-neuronx-trace.rst, api-torch-neuronx-async-lazy-load.rst). What is compiled is a torch.jit.trace,
so that what follows can be run. Every call is written to the file that TORCH_NEURONX_STAND_IN_LOG names.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch

_ENVIRONMENT = {name: value for name, value in os.environ.items() if name.startswith("NEURON_")}
_CASTS = {"none", "matmult", "all"}
_TARGETS = {"inf2", "trn1", "trn1n", "trn2"}
_OPTIONS = {
    "--auto-cast",
    "--auto-cast-type",
    "--model-type",
    "--target",
    "--enable-fast-loading-neuron-binaries",
}

_traced: set[int] = set()


def _log(call: str, **details: Any) -> None:
    with Path(os.environ["TORCH_NEURONX_STAND_IN_LOG"]).open("a") as log:
        log.write(
            json.dumps({"call": call, "environment": _ENVIRONMENT, "process": os.getpid(), **details}) + "\n"
        )


def trace(
    func: Any,
    example_inputs: Any,
    *_: Any,
    input_output_aliases: Any = {},  # noqa: B006
    compiler_workdir: Any = None,
    compiler_args: Any = None,
    partitioner_config: Any = None,
    inline_weights_to_neff: Any = True,
    cpu_backend: Any = False,
) -> Any:
    assert not _, "positional keywords are no longer supported since release 2.15.0"
    assert isinstance(func, torch.nn.Module)
    assert not func.training
    assert isinstance(example_inputs, tuple)
    assert all(isinstance(one, torch.Tensor) for one in example_inputs)
    assert input_output_aliases == {}
    assert partitioner_config is None
    assert isinstance(compiler_workdir, str)
    assert Path(compiler_workdir).is_dir()
    assert isinstance(inline_weights_to_neff, bool)
    assert isinstance(cpu_backend, bool)
    assert isinstance(compiler_args, list)
    options = dict(argument.partition("=")[::2] for argument in compiler_args)
    assert options.keys() <= _OPTIONS, f"unknown to neuronx-cc: {options.keys() - _OPTIONS}"
    assert options["--auto-cast"] in _CASTS, "the default differs between SDKs: always say it"
    assert options["--auto-cast"] == "none" or options["--auto-cast-type"] in {
        "bf16",
        "fp16",
        "tf32",
        "fp8_e4m3",
    }
    assert options.get("--model-type", "unet-inference") in {"generic", "transformer", "unet-inference"}
    # "This keyword needs to be used with the compiler_args option to set the --target flag."
    assert cpu_backend == ("--target" in options)
    if cpu_backend:
        assert options["--target"] in _TARGETS
        assert _ENVIRONMENT["NEURON_PLATFORM_TARGET_OVERRIDE"] == options["--target"], "set before the import"
    with torch.no_grad():
        output = func(*example_inputs)
        on_meta = example_inputs[0].is_meta
        part = torch.jit.trace(
            torch.nn.Identity() if on_meta else func,
            torch.ones(1) if on_meta else example_inputs,
            check_trace=False,
        )
    _traced.add(id(part))
    outputs = output if isinstance(output, tuple) else (output,)
    _log(
        "trace",
        part=type(func).__name__,
        inputs=[[list(one.shape), str(one.dtype).removeprefix("torch.")] for one in example_inputs],
        outputs=[[list(one.shape), str(one.dtype).removeprefix("torch.")] for one in outputs],
        compiler_args=compiler_args,
        cpu_backend=cpu_backend,
        inline_weights_to_neff=inline_weights_to_neff,
        parameter_types=sorted({str(one.dtype).removeprefix("torch.") for one in func.parameters()}),
    )
    return part


def async_load(trace: Any, enable_async_load: bool = True) -> None:
    assert id(trace) in _traced, "takes what torch_neuronx.trace returned"
    assert enable_async_load is True
    _log("async_load")


def lazy_load(trace: Any, enable_lazy_load: bool = True) -> None:
    assert id(trace) in _traced, "takes what torch_neuronx.trace returned"
    assert enable_lazy_load is True
    _log("lazy_load")
