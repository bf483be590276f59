"""Writes a fine-tuned model as the diffusers folder it came from, with other weights in the adapted parts."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

_INDEX = "model_index.json"
# What diffusers and transformers load without a variant; a folder from a hub may hold more.
_WEIGHTS = ("diffusion_pytorch_model", "model")
_KEPT = {".json", ".txt", ".model", ".md"}


def write_fused(source: Path, adapted: Mapping[str, torch.nn.Module], output: Path) -> None:
    """Copy the parts of the folder source to output, with the weights of the adapted ones as they are now.

    Configurations, tokenizers and parameters' names stay the source's: libraries of another version than
    the one that trains load the result as they load the source. Adapted weights are float32, since half
    precision would round much of an adapter away.
    """
    output.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / _INDEX, output / _INDEX)
    index = json.loads((source / _INDEX).read_text(encoding="utf-8"))
    parts = [name for name, loaded in index.items() if isinstance(loaded, list) and (source / name).is_dir()]
    for name in parts:
        (output / name).mkdir()
        for path in _to_copy(source / name, weights=name not in adapted):
            shutil.copyfile(path, output / name / path.name)
    for name, module in adapted.items():
        files = _weight_files(source / name)
        known = {key for path in files for key in _keys(path)}
        tensors = {
            _named_as_in(known, key): tensor.detach().float().contiguous()
            for key, tensor in module.state_dict().items()
        }
        stem = files[0].name.split(".")[0].split("-0")[0]
        # transformers refuses weights whose metadata does not say what framework they are for.
        save_file(tensors, output / name / f"{stem}.safetensors", metadata={"format": "pt"})
        _state_float32(output / name / "config.json")


def _to_copy(part: Path, *, weights: bool) -> Iterable[Path]:
    for path in sorted(part.iterdir()):
        if path.suffix in _KEPT and not path.name.endswith(".index.json"):
            yield path
    if weights:
        yield from _weight_files(part)
        yield from part.glob("*.safetensors.index.json")


def _weight_files(part: Path) -> list[Path]:
    """The part's safetensors: one file or its shards, no variant such as fp16."""
    for stem in _WEIGHTS:
        if (part / f"{stem}.safetensors").is_file():
            return [part / f"{stem}.safetensors"]
        if shards := sorted(part.glob(f"{stem}-0*.safetensors")):
            return shards
    return []


def _keys(path: Path) -> list[str]:
    with safe_open(path, framework="pt") as file:
        return list(file.keys())


def _named_as_in(known: set[str], key: str) -> str:
    """transformers 5 leaves text_model. out of the names that published checkpoints have."""
    return key if key in known or f"text_model.{key}" not in known else f"text_model.{key}"


def _state_float32(path: Path) -> None:
    """transformers loads a model in the type that its configuration states."""
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for name in ("dtype", "torch_dtype"):
        if name in config:
            config[name] = "float32"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
