"""Writes the tiny model as a diffusers folder."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from training import architecture
from training.tokenizer import END, write_tokenizer

_PIPELINE = {
    "_class_name": "StableDiffusionXLPipeline",
    "force_zeros_for_empty_prompt": True,
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
Weights = Mapping[str, torch.Tensor]


def write_tokenizers(folder: Path, merges: list[tuple[str, str]]) -> None:
    """The folders tokenizer and tokenizer_2."""
    write_tokenizer(folder / "tokenizer", merges)
    # SDXL's second tokenizer pads with "!".
    write_tokenizer(folder / "tokenizer_2", merges, padding="!")


def write_model(
    folder: Path,
    merges: list[tuple[str, str]],
    text_encoders: Sequence[tuple[Mapping[str, Any], Weights]],
    unet: Weights,
    vae: tuple[Mapping[str, Any], Weights],
) -> None:
    """Write every part; each text encoder and the VAE with its configuration.

    UNet and VAE are stored as half-precision numbers, which diffusers loads as float32; the text encoders
    are not, since transformers computes in the type that it finds.
    """
    unfinished = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    write_tokenizers(unfinished, merges)
    classes = ("CLIPTextModel", "CLIPTextModelWithProjection")
    for name, architecture_name, (config, weights) in zip(
        ("text_encoder", "text_encoder_2"), classes, text_encoders, strict=True
    ):
        part = unfinished / name
        _write_json(
            part / "config.json", {**config, "architectures": [architecture_name], "dtype": "float32"}
        )
        # The names of SDXL's published checkpoints, which every version of transformers loads.
        _write_weights(part / "model.safetensors", _with_prefix(weights), torch.float32)
    _write_json(
        unfinished / "unet" / "config.json", {**architecture.UNET, "_class_name": "UNet2DConditionModel"}
    )
    _write_weights(unfinished / "unet" / "diffusion_pytorch_model.safetensors", unet, torch.float16)
    config, weights = vae
    _write_json(unfinished / "vae" / "config.json", {**config, "_class_name": "AutoencoderKL"})
    _write_weights(unfinished / "vae" / "diffusion_pytorch_model.safetensors", weights, torch.float16)
    _write_json(
        unfinished / "scheduler" / "scheduler_config.json",
        {**architecture.SCHEDULER, "_class_name": "EulerDiscreteScheduler"},
    )
    _write_json(unfinished / "model_index.json", _PIPELINE)
    if folder.is_dir():
        shutil.rmtree(folder)
    unfinished.rename(folder)


def token_ends(vocabulary: Mapping[str, int]) -> tuple[int, int]:
    """The numbers of the tokens that start and end a text."""
    return vocabulary["<|startoftext|>"], vocabulary[END]


def _with_prefix(weights: Weights) -> dict[str, torch.Tensor]:
    """transformers 5 leaves text_model. out of the names of CLIPTextModel's parameters."""
    named = {}
    for name, tensor in weights.items():
        inside = name.startswith(("text_model.", "text_projection."))
        named[name if inside else f"text_model.{name}"] = tensor
    return named


def _write_weights(path: Path, weights: Weights, dtype: torch.dtype) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().to(dtype).contiguous() for name, tensor in weights.items()}
    # transformers refuses weights whose metadata does not say what framework they are for.
    save_file(tensors, path, metadata={"format": "pt"})


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
