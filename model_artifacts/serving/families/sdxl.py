"""Stable Diffusion XL: two text encoders whose embeddings are joined, and a UNet told of sizes and crops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serving.families import Family, PartDefinition, TensorSpec, TextModel
from serving.families.latent_diffusion import (
    DECODER_PARTS,
    latents_and_timestep,
    text_embeddings,
    token_inputs,
)
from serving.image_request import ImageRequest
from serving.recipe import Recipe, Size

if TYPE_CHECKING:
    from torch import Tensor


def _wrap_text_encoder(encoder: Any) -> Any:
    from serving.families.wrappers import PenultimateLayer

    return PenultimateLayer(encoder)


def _wrap_text_encoder_2(encoder: Any) -> Any:
    from serving.families.wrappers import PenultimateLayerAndProjection

    return PenultimateLayerAndProjection(encoder)


def _wrap_unet(unet: Any) -> Any:
    from serving.families.wrappers import TextTimeUNet

    return TextTimeUNet(unet)


def _unet_inputs(recipe: Recipe, size: Size | None) -> tuple[TensorSpec, ...]:
    dtype, dimensions = recipe.plan("unet", size).dtype, recipe.dimensions
    if dimensions.pooled is None or dimensions.time_ids is None:
        raise ValueError(f"{recipe.name} is of a family whose dimensions have pooled and time_ids")
    return (
        *latents_and_timestep(recipe, size),
        text_embeddings(recipe, size),
        TensorSpec((1, dimensions.pooled), dtype),
        # Sizes in pixels: not every one is a number that bfloat16 has.
        TensorSpec((1, dimensions.time_ids), "float32"),
    )


def _condition(model: TextModel, request: ImageRequest, guided: bool) -> tuple[Tensor, ...]:
    import torch

    size = (request.height, request.width)
    # Original size, crop corner and target size (Podell et al., SDXL, 2023, section 2.2).
    time_ids = torch.tensor([[*size, 0, 0, *size]], dtype=torch.float32)
    embeddings, pooled = _encode(model, request.prompt)
    if not guided:
        return embeddings, pooled, time_ids
    if not request.negative_prompt and model.settings.get("force_zeros_for_empty_prompt", True):
        negative, negative_pooled = torch.zeros_like(embeddings), torch.zeros_like(pooled)
    else:
        negative, negative_pooled = _encode(model, request.negative_prompt)
    return (
        torch.cat([negative, embeddings]),
        torch.cat([negative_pooled, pooled]),
        torch.cat([time_ids, time_ids]),
    )


def _encode(model: TextModel, text: str) -> tuple[Tensor, Tensor]:
    import torch

    (first,) = model.run("text_encoder", model.tokens("tokenizer", text))
    second, pooled = model.run("text_encoder_2", model.tokens("tokenizer_2", text))
    return torch.cat([first, second], dim=-1), pooled


FAMILY = Family(
    name="sdxl",
    pipelines=("StableDiffusionXLPipeline",),
    parts={
        "text_encoder": PartDefinition("text_encoder", _wrap_text_encoder, token_inputs, sized=False),
        "text_encoder_2": PartDefinition("text_encoder_2", _wrap_text_encoder_2, token_inputs, sized=False),
        "unet": PartDefinition("unet", _wrap_unet, _unet_inputs, sized=True),
        **DECODER_PARTS,
    },
    configuration=("tokenizer", "tokenizer_2", "scheduler"),
    condition=_condition,
)
