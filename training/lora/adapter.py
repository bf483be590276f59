"""The adapter: low-rank layers beside the model's own, trained, saved, and fused into its weights."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model_state_dict

from training.lora.source_model import SourceModel

# The names of attention's projections in diffusers' UNets and in transformers' CLIP.
_UNET_ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
# A model with no attention at its finest level learns new detail in its convolutions only.
_UNET_CONVOLUTIONS = ["conv1", "conv2", "conv_shortcut", "conv_in", "conv_out", "time_emb_proj"]
_TEXT_ATTENTION = ["q_proj", "k_proj", "v_proj", "out_proj"]


def attach(source: SourceModel, rank: int, *, convolutions: bool, text_encoders: bool) -> list[Any]:
    """Freeze the model and put a new adapter beside its layers; returns the adapter's parameters.

    The scale is alpha / rank = 1. A new adapter changes nothing: its second matrix is zero.
    """
    pipeline = source.pipeline
    for model in (pipeline.vae, pipeline.unet, *source.text_encoders.values()):
        model.requires_grad_(False)
    layers = _UNET_ATTENTION + (_UNET_CONVOLUTIONS if convolutions else [])
    pipeline.unet.add_adapter(_config(rank, layers))
    adapted = [pipeline.unet]
    if text_encoders:
        for encoder in source.text_encoders.values():
            encoder.add_adapter(_config(rank, _TEXT_ATTENTION))
            adapted.append(encoder)
    return [parameter for model in adapted for parameter in model.parameters() if parameter.requires_grad]


def save(source: SourceModel, folder: Path) -> None:
    """Write the adapter as diffusers' load_lora_weights reads it: pytorch_lora_weights.safetensors."""
    pipeline = source.pipeline
    layers = {"unet_lora_layers": get_peft_model_state_dict(pipeline.unet)}
    for name, encoder in source.text_encoders.items():
        if getattr(encoder, "peft_config", None):
            layers[f"{name}_lora_layers"] = _text_layers(encoder)
    type(pipeline).save_lora_weights(folder, safe_serialization=True, **layers)


def fused(folder: Path, adapter: Path) -> dict[str, torch.nn.Module]:
    """The adapted parts, freshly loaded, the saved adapter added to their weights and none left."""
    source = SourceModel(folder)
    pipeline = source.pipeline
    pipeline.load_lora_weights(adapter)
    adapted = [
        name
        for name in ("unet", *source.text_encoders)
        if getattr(getattr(pipeline, name), "peft_config", None)
    ]
    pipeline.fuse_lora(components=adapted, lora_scale=1.0, safe_fusing=True)
    pipeline.unload_lora_weights()
    return {name: getattr(pipeline, name) for name in adapted}


def _config(rank: int, layers: list[str]) -> LoraConfig:
    return LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=layers)


def _text_layers(encoder: Any) -> dict[str, Any]:
    """With the prefix text_model. that every version of diffusers takes and transformers 5 leaves out."""
    layers = get_peft_model_state_dict(encoder)
    return {
        name if name.startswith("text_model.") else f"text_model.{name}": tensor
        for name, tensor in layers.items()
    }
