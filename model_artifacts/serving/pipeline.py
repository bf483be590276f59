"""Loads the model of a bundle once and draws requests with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import diffusers.utils.logging
import numpy as np
import torch
import transformers.utils.logging

from serving.image_request import ImageRequest

if TYPE_CHECKING:
    from diffusers import StableDiffusionXLPipeline
    from PIL.Image import Image


def load_pipeline(model: Path) -> StableDiffusionXLPipeline:
    """Load a model folder in diffusers layout, from the disk only.

    A worker computes on OMP_NUM_THREADS threads, one by default: an instance runs several workers,
    and the number of threads may change the last bit of a sum, so the bytes of a picture.
    """
    # diffusers warns with the words of a prompt that CLIP cut off; prompts are never logged.
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    # Imported once the libraries are quiet: they warn of what they lack, though nothing here needs it.
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline

    if "OMP_NUM_THREADS" not in os.environ:  # torch reads it by itself
        torch.set_num_threads(1)
    pipeline = StableDiffusionXLPipeline.from_pretrained(
        model, local_files_only=True, use_safetensors=True, add_watermarker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(pipeline: StableDiffusionXLPipeline, request: ImageRequest) -> Image:
    """Draw one picture: the same request gives the same pixels. One call at a time a pipeline.

    Raises:
        ArithmeticError: the model's numbers ran over; saved as a picture they would be black.
    """
    pixels = pipeline(
        prompt=request.prompt,
        # SDXL was trained with a zero embedding for no negative prompt, not with that of an empty text.
        negative_prompt=request.negative_prompt or None,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance_scale,
        width=request.width,
        height=request.height,
        generator=torch.Generator("cpu").manual_seed(request.seed),
        output_type="np",
    ).images
    if not np.isfinite(pixels).all():
        raise ArithmeticError(
            "the model drew pixels that are no numbers; are its parts compiled for this type?"
        )
    image: Image = pipeline.numpy_to_pil(pixels)[0]
    return image
