"""Writes the components of a diffusers folder from their configurations, with random weights.

The configurations name only what differs from the libraries' defaults or must not follow them, so that a
model does not change with a library's version.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.numpy import save_file
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from neuron_build.byte_tokenizer import TOKENS, byte_vocabulary
from neuron_build.random_weights import random_weights

# An untrained UNet hardly listens to its text: these make prompt and guidance show in the picture.
_UNET_GAINS = {
    "conv_out": 4.0,
    "attn2.to_out": 4.0,
    "attn2.to_q": 3.0,
    "attn2.to_k": 3.0,
    "time_emb_proj": 3.0,
}
# SiLU leaves all channels mostly positive; unbalanced, the last layer would tint every picture alike.
_VAE_BALANCED = ("decoder.conv_out.weight",)


@dataclass(frozen=True)
class Components:
    """Writes components below a folder; another seed makes another model."""

    folder: Path
    seed: str

    def text_encoder(self, name: str, *, width: int, activation: str, projected: bool) -> None:
        """A CLIP text encoder of two layers, and its projection to the same width if it has one."""
        config = _text_encoder(width, activation)
        model_class = CLIPTextModelWithProjection if projected else CLIPTextModel
        with torch.device("meta"):
            model = model_class(CLIPTextConfig(**config))
        shapes = _shapes(model)
        if not projected:
            # The names of published checkpoints, which every version loads; transformers 5 drops the prefix.
            shapes = {f"text_model.{key.removeprefix('text_model.')}": shape for key, shape in shapes.items()}
        self._json(f"{name}/config.json", config | {"architectures": [model_class.__name__]})
        self._weights(f"{name}/model.safetensors", shapes)

    def unet(self, config: Mapping[str, Any]) -> None:
        """A UNet2DConditionModel."""
        with torch.device("meta"):
            model = UNet2DConditionModel(**config)
        self._json("unet/config.json", {**config, "_class_name": "UNet2DConditionModel"})
        self._weights("unet/diffusion_pytorch_model.safetensors", _shapes(model), gains=_UNET_GAINS)

    def vae(self, config: Mapping[str, Any]) -> None:
        """An AutoencoderKL."""
        with torch.device("meta"):
            model = AutoencoderKL(**config)
        self._json("vae/config.json", {**config, "_class_name": "AutoencoderKL"})
        self._weights("vae/diffusion_pytorch_model.safetensors", _shapes(model), balanced=_VAE_BALANCED)

    def scheduler(self, class_name: str, config: Mapping[str, Any]) -> None:
        """A scheduler's configuration."""
        self._json("scheduler/scheduler_config.json", {**config, "_class_name": class_name})

    def pipeline(self, class_name: str, config: Mapping[str, Any]) -> None:
        """model_index.json."""
        self._json("model_index.json", {**config, "_class_name": class_name})

    def _weights(
        self,
        path: str,
        shapes: Mapping[str, tuple[int, ...]],
        *,
        gains: Mapping[str, float] | None = None,
        balanced: Collection[str] = (),
    ) -> None:
        seed = f"{self.seed}/{Path(path).parent.name}"
        weights = random_weights(shapes, seed=seed, gains=gains or {}, balanced=balanced)
        # transformers refuses weights whose metadata does not say what framework they are for.
        save_file(weights, self.folder / path, metadata={"format": "pt"})

    def _json(self, path: str, content: Mapping[str, Any]) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


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


def _shapes(model: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in model.state_dict().items()}
