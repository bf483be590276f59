"""Loads a bundle's compiled parts once and draws requests with them.

Of a model's source only configuration, tokenizers and scheduler are read, and neither transformers nor
diffusers' models are imported: a host that serves has no memory for the full weights.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from serving.bundle import read_manifest
from serving.families import Family, family
from serving.image_request import ImageRequest
from serving.parts import LoadedPart, load_part
from serving.recipe import Recipe, Size, compiled_name, read_recipe
from serving.scheduler import SchedulerFactory, read_scheduler
from serving.tokenizer import ClipTokenizer, read_tokenizer

# diffusers' default for AutoencoderKL, whose first configurations do not say it.
_SCALING_FACTOR = 0.18215


@dataclass(frozen=True)
class Pipeline:
    """A model that is loaded, and what it draws.

    Attributes:
        settings: the content of model_index.json.
        vae: the content of vae/config.json.
        tokenizers: by the folder of the source.
        parts: by the bundle's name for them.
    """

    recipe: Recipe
    family: Family
    settings: Mapping[str, Any]
    vae: Mapping[str, Any]
    tokenizers: Mapping[str, ClipTokenizer]
    scheduler: SchedulerFactory
    parts: Mapping[str, LoadedPart]

    def tokens(self, tokenizer: str, text: str) -> Tensor:
        """Token numbers of a text, int64 [1, tokens]."""
        return torch.tensor([self.tokenizers[tokenizer].encode(text)])

    def run(self, part: str, *inputs: Tensor, size: Size | None = None) -> tuple[Tensor, ...]:
        """Run a part, the one of that size if there is one a size."""
        return self.parts[compiled_name(part, size)](*inputs)


def load_pipeline(bundle: Path) -> Pipeline:
    """Load a bundle from the disk. Its files are not verified again (serving.bundle.verify_bundle).

    A worker computes on OMP_NUM_THREADS threads, one by default: an instance runs several workers,
    and the number of threads may change the last bit of a sum, so the bytes of a picture.

    Raises:
        BundleError: it is no bundle, or it was compiled for something that is not here.
        ValueError: a file of the model's configuration is not what the recipe's family needs.
    """
    if "OMP_NUM_THREADS" not in os.environ:  # torch reads it by itself
        torch.set_num_threads(1)
    manifest = read_manifest(bundle)
    recipe = read_recipe(bundle / "code" / "recipe.json")
    known, model = family(recipe.family), bundle / "model"
    tokenizers = [folder for folder in known.configuration if folder.startswith("tokenizer")]
    return Pipeline(
        recipe=recipe,
        family=known,
        settings=json.loads((model / "model_index.json").read_bytes()),
        vae=json.loads((model / "vae" / "config.json").read_bytes()),
        tokenizers={name: read_tokenizer(model / name, recipe.dimensions.tokens) for name in tokenizers},
        scheduler=read_scheduler(model / "scheduler", recipe, known.scheduler_settings),
        parts={name: load_part(bundle, manifest, name) for name in manifest.parts},
    )


def draw(pipeline: Pipeline, request: ImageRequest) -> Image.Image:
    """Draw one picture: the same request gives the same pixels. One call at a time a pipeline.

    Raises:
        ArithmeticError: the model's numbers ran over; saved as a picture they would be black.
    """
    with torch.inference_mode():
        pixels = decode(pipeline, request, denoise(pipeline, request))
    if not torch.isfinite(pixels).all():
        raise ArithmeticError(
            "the model drew pixels that are no numbers; are its parts compiled for this type?"
        )
    levels = (pixels / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).numpy())


def denoise(pipeline: Pipeline, request: ImageRequest) -> Tensor:
    """The latents of a request's picture, float32 [1, channels, height, width].

    With a guidance scale above 1 the UNet sees each latent twice, without and with the prompt, and what the
    prompt changes is scaled (Ho and Salimans, Classifier-Free Diffusion Guidance, 2022, equation 6).
    """
    size, guided = (request.width, request.height), request.guidance_scale > 1
    conditions = pipeline.family.condition(pipeline, request, guided)
    generator = torch.Generator("cpu").manual_seed(request.seed)
    scheduler = pipeline.scheduler.start(request.steps)
    step_settings = pipeline.scheduler.step_settings(generator)
    shape = pipeline.recipe.dimensions.latent_shape(size)
    latents = torch.randn(shape, generator=generator) * scheduler.init_noise_sigma
    batch = 2 if guided else 1
    for timestep in scheduler.timesteps:
        scaled = scheduler.scale_model_input(torch.cat([latents] * batch), timestep)
        (prediction,) = pipeline.run("unet", scaled, timestep.expand(batch), *conditions, size=size)
        if guided:
            unconditional, conditional = prediction.chunk(2)
            prediction = unconditional + request.guidance_scale * (conditional - unconditional)
        latents = scheduler.step(prediction, timestep, latents, **step_settings, return_dict=False)[0]
    return latents


def decode(pipeline: Pipeline, request: ImageRequest, latents: Tensor) -> Tensor:
    """Pixels from -1 to 1, or a little past them, [3, height, width]."""
    size, vae = (request.width, request.height), pipeline.vae
    mean, deviation = vae.get("latents_mean"), vae.get("latents_std")
    if mean and deviation:
        latents = latents * torch.tensor(deviation).view(1, -1, 1, 1)
    latents = latents / vae.get("scaling_factor", _SCALING_FACTOR)
    if mean and deviation:
        latents = latents + torch.tensor(mean).view(1, -1, 1, 1)
    (latents,) = pipeline.run("vae_post_quant_conv", latents, size=size)
    (pixels,) = pipeline.run("vae_decoder", latents, size=size)
    return pixels[0]
