"""Stable Diffusion 1 and 2: one text encoder, whose last layer the UNet attends to."""

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
    from serving.families.wrappers import LastLayer

    return LastLayer(encoder)


def _wrap_unet(unet: Any) -> Any:
    from serving.families.wrappers import TextUNet

    return TextUNet(unet)


def _unet_inputs(recipe: Recipe, size: Size | None) -> tuple[TensorSpec, ...]:
    return (*latents_and_timestep(recipe, size), text_embeddings(recipe, size))


def _condition(model: TextModel, request: ImageRequest, guided: bool) -> tuple[Tensor, ...]:
    import torch

    texts = (request.negative_prompt, request.prompt) if guided else (request.prompt,)
    encoded = [model.run("text_encoder", model.tokens("tokenizer", text))[0] for text in texts]
    return (torch.cat(encoded),)


FAMILY = Family(
    name="sd",
    pipelines=("StableDiffusionPipeline",),
    parts={
        "text_encoder": PartDefinition("text_encoder", _wrap_text_encoder, token_inputs, sized=False),
        "unet": PartDefinition("unet", _wrap_unet, _unet_inputs, sized=True),
        **DECODER_PARTS,
    },
    configuration=("tokenizer", "scheduler"),
    condition=_condition,
    # The first checkpoints' configurations lack both; diffusers' StableDiffusionPipeline sets them likewise.
    scheduler_settings={"steps_offset": 1, "clip_sample": False},
)
