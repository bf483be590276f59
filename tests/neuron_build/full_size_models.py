"""The published models' components at full size, without weights: torch's meta device holds no data.

Configurations as in the config.json files of stabilityai/stable-diffusion-xl-base-1.0, of
stabilityai/stable-diffusion-2-1 and of stable-diffusion-v1-5, where they differ from the libraries' defaults.
"""

from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

_CLIP_L = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
}
_OPEN_CLIP_H = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
    "projection_dim": 512,
}
_OPEN_CLIP_BIG_G = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "hidden_act": "gelu",
    "projection_dim": 1280,
}
_SD_UNET = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
}
_UNETS: dict[str, dict[str, Any]] = {
    "sd15": {**_SD_UNET, "attention_head_dim": 8, "cross_attention_dim": 768},
    "sd21": {
        **_SD_UNET,
        "attention_head_dim": (5, 10, 20, 20),
        "cross_attention_dim": 1024,
        "use_linear_projection": True,
    },
    "sdxl": {
        "sample_size": 128,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "block_out_channels": (320, 640, 1280),
        "layers_per_block": 2,
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}
_UNETS["sdxl-turbo"] = _UNETS["sdxl"]
_TEXT = {"sd15": _CLIP_L, "sd21": _OPEN_CLIP_H, "sdxl": _CLIP_L, "sdxl-turbo": _CLIP_L}
_VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
}
NAMES = tuple(_UNETS)


def full_size_component(recipe: str, component: str, dtype: str) -> torch.nn.Module:
    """A component of a recipe's model: its structure and types, no weights."""
    with torch.device("meta"):
        match component:
            case "unet":
                module = UNet2DConditionModel(**_UNETS[recipe])
            case "vae":
                module = AutoencoderKL(**_VAE)
            case "text_encoder":
                module = CLIPTextModel(CLIPTextConfig(**_TEXT[recipe]))
            case _:
                module = CLIPTextModelWithProjection(CLIPTextConfig(**_OPEN_CLIP_BIG_G))
    made: torch.nn.Module = module.to(getattr(torch, dtype)).eval()
    return made
