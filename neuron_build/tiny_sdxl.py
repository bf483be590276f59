"""A tiny model of SDXL's architecture with random weights: it draws abstract pictures, fast.

Every part has SDXL's structure (two CLIP text encoders whose hidden states are joined, a UNet with
three levels, linear projections and text_time conditioning, a VAE that scales by 8) with a few
channels. The configurations name only what differs from the libraries' defaults or must not follow
them, so that a bundle does not change with a library's version.
"""

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.numpy import save_file
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from neuron_build.byte_tokenizer import TOKENS, byte_vocabulary, write_byte_tokenizer
from neuron_build.random_weights import random_weights

COMPILER = "cpu"
SOURCE = "random weights made by neuron_build"
LICENCE = "CC0-1.0"

_SEED = "tiny-sdxl/4"
_TEXT_WIDTHS = (32, 64)
_TIME_ID_WIDTH = 8
_TIME_IDS = 6  # original size, crop corner and target size, two numbers each

_UNET = {
    "sample_size": 16,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [16, 32, 64],
    "layers_per_block": 1,
    "transformer_layers_per_block": [1, 1, 1],
    # Heads a level: diffusers reads this name as their number (huggingface/diffusers#2011).
    "attention_head_dim": [1, 2, 4],
    "cross_attention_dim": sum(_TEXT_WIDTHS),
    "norm_num_groups": 8,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": _TIME_ID_WIDTH,
    "projection_class_embeddings_input_dim": _TEXT_WIDTHS[1] + _TIME_IDS * _TIME_ID_WIDTH,
}
# An untrained UNet hardly listens to its text: these make prompt and guidance show in the picture.
_UNET_GAINS = {
    "conv_out": 4.0,
    "attn2.to_out": 4.0,
    "attn2.to_q": 3.0,
    "attn2.to_k": 3.0,
    "time_emb_proj": 3.0,
}

_VAE = {
    "sample_size": 128,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [8, 16, 16, 32],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "scaling_factor": 0.13025,
    "force_upcast": False,
}

# SiLU leaves all channels mostly positive; unbalanced, the last layer would tint every picture alike.
_VAE_BALANCED = ("decoder.conv_out.weight",)

_SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "steps_offset": 1,
}

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


def _text_encoder(width: int, activation: str) -> dict[str, Any]:
    vocabulary = byte_vocabulary()
    return {
        "model_type": "clip_text_model",
        "vocab_size": len(vocabulary),
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "projection_dim": width,
        "num_hidden_layers": 2,
        "num_attention_heads": width // 16,
        "max_position_embeddings": TOKENS,
        "hidden_act": activation,
        "bos_token_id": vocabulary["<|startoftext|>"],
        "eos_token_id": vocabulary["<|endoftext|>"],
        "pad_token_id": vocabulary["<|endoftext|>"],
    }


def _write_text_encoder(folder: Path) -> None:
    config = _text_encoder(_TEXT_WIDTHS[0], "quick_gelu")
    with torch.device("meta"):
        model = CLIPTextModel(CLIPTextConfig(**config))
    # The names of SDXL's published checkpoints, which every version loads; transformers 5 drops the prefix.
    shapes = {
        f"text_model.{name.removeprefix('text_model.')}": shape for name, shape in _shapes(model).items()
    }
    _write_json(folder / "config.json", config | {"architectures": ["CLIPTextModel"]})
    _write_weights(folder / "model.safetensors", shapes)


def _write_text_encoder_2(folder: Path) -> None:
    config = _text_encoder(_TEXT_WIDTHS[1], "gelu")
    with torch.device("meta"):
        model = CLIPTextModelWithProjection(CLIPTextConfig(**config))
    _write_json(folder / "config.json", config | {"architectures": ["CLIPTextModelWithProjection"]})
    _write_weights(folder / "model.safetensors", _shapes(model))


def _write_unet(folder: Path) -> None:
    with torch.device("meta"):
        model = UNet2DConditionModel(**_UNET)
    _write_json(folder / "config.json", _UNET | {"_class_name": "UNet2DConditionModel"})
    _write_weights(folder / "diffusion_pytorch_model.safetensors", _shapes(model), gains=_UNET_GAINS)


def _write_vae(folder: Path) -> None:
    with torch.device("meta"):
        model = AutoencoderKL(**_VAE)
    _write_json(folder / "config.json", _VAE | {"_class_name": "AutoencoderKL"})
    _write_weights(folder / "diffusion_pytorch_model.safetensors", _shapes(model), balanced=_VAE_BALANCED)


def _write_scheduler(folder: Path) -> None:
    _write_json(folder / "scheduler_config.json", _SCHEDULER | {"_class_name": "EulerDiscreteScheduler"})


def _shapes(model: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in model.state_dict().items()}


def _write_weights(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    gains: Mapping[str, float] | None = None,
    balanced: Collection[str] = (),
) -> None:
    weights = random_weights(shapes, seed=f"{_SEED}/{path.parent.name}", gains=gains or {}, balanced=balanced)
    # transformers refuses weights whose metadata does not say what framework they are for.
    save_file(weights, path, metadata={"format": "pt"})


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


PARTS: Mapping[str, Callable[[Path], None]] = {
    "text_encoder": _write_text_encoder,
    "text_encoder_2": _write_text_encoder_2,
    "tokenizer": write_byte_tokenizer,
    # SDXL's second tokenizer pads with "!".
    "tokenizer_2": lambda folder: write_byte_tokenizer(folder, padding="!"),
    "unet": _write_unet,
    "vae": _write_vae,
    "scheduler": _write_scheduler,
    "model_index.json": lambda path: _write_json(path, _PIPELINE),
}
