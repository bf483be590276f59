"""A bundle's picture is the plain diffusers pipeline's, on the same source, within 2/255 at every pixel."""

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from serving.image_request import ImageRequest
from serving.pipeline import Pipeline, draw, load_pipeline
from serving.scheduler import read_scheduler

TINY = ("tiny-sdxl", "tiny-sd21", "tiny-sd15")
SIZES = {
    "tiny-sdxl": [(128, 128), (160, 96), (96, 160)],
    "tiny-sd21": [(64, 64), (96, 96)],
    "tiny-sd15": [(64, 64), (96, 96)],
}
KINDS = {"tiny-sdxl": "StableDiffusionXLPipeline"}
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


@pytest.fixture(scope="module")
def models(compiled: Callable[[str], Any]) -> Callable[[str], tuple[Pipeline, Any]]:
    """Ours and diffusers', of a recipe."""

    @functools.cache
    def both(recipe: str) -> tuple[Pipeline, Any]:
        made = compiled(recipe)
        kind = getattr(diffusers, KINDS.get(recipe, "StableDiffusionPipeline"))
        plain = kind.from_pretrained(made.source, local_files_only=True)
        plain.set_progress_bar_config(disable=True)
        return load_pipeline(made.bundle), plain

    return both


def request(recipe: str, **changes: Any) -> ImageRequest:
    width, height = SIZES[recipe][0]
    asked = {"prompt": "a fox in the snow", "negative_prompt": "", "seed": 11, "steps": 4}
    return ImageRequest(**{**asked, "guidance_scale": 5.0, "width": width, "height": height, **changes})


def assert_same_picture(ours: Pipeline, plain: Any, asked: ImageRequest) -> None:
    expected = plain(
        prompt=asked.prompt,
        negative_prompt=asked.negative_prompt or None,
        num_inference_steps=asked.steps,
        guidance_scale=asked.guidance_scale,
        width=asked.width,
        height=asked.height,
        generator=torch.Generator("cpu").manual_seed(asked.seed),
    ).images[0]
    drawn = np.asarray(draw(ours, asked)).astype(int)
    assert drawn.shape == (asked.height, asked.width, 3)
    assert drawn.std() > 5  # a flat picture would equal another flat one
    assert np.abs(drawn - np.asarray(expected).astype(int)).max() <= 2


@pytest.mark.parametrize("negative_prompt", ["", "blurry, dark"])
@pytest.mark.parametrize(("recipe", "size"), [(recipe, size) for recipe in TINY for size in SIZES[recipe]])
def test_every_size_is_drawn_as_the_plain_pipeline_draws_it(
    models: Any, recipe: str, size: tuple[int, int], negative_prompt: str
) -> None:
    asked = request(recipe, width=size[0], height=size[1], negative_prompt=negative_prompt)
    ours, plain = models(recipe)
    assert_same_picture(ours, plain, asked)


@pytest.mark.parametrize("guidance_scale", [0.0, 1.0, 1.5, 20.0])
@pytest.mark.parametrize("recipe", TINY)
def test_any_guidance_and_none(models: Any, recipe: str, guidance_scale: float) -> None:
    ours, plain = models(recipe)
    assert_same_picture(ours, plain, request(recipe, guidance_scale=guidance_scale))


def test_an_empty_negative_prompt_is_read_by_a_model_that_was_not_trained_with_zeros(models: Any) -> None:
    ours, plain = models("tiny-sdxl")
    settings = {**ours.settings, "force_zeros_for_empty_prompt": False}
    zeros = draw(ours, request("tiny-sdxl"))
    plain.register_to_config(force_zeros_for_empty_prompt=False)
    try:
        assert_same_picture(replace(ours, settings=settings), plain, request("tiny-sdxl"))
    finally:
        plain.register_to_config(force_zeros_for_empty_prompt=True)
    assert np.any(
        np.asarray(draw(replace(ours, settings=settings), request("tiny-sdxl"))) != np.asarray(zeros)
    )


@pytest.mark.parametrize(
    ("recipe", "scheduler"),
    [
        ("tiny-sdxl", {"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "leading"}),
        (
            "tiny-sdxl",
            {
                "_class_name": "EulerDiscreteScheduler",
                "prediction_type": "v_prediction",
                "rescale_betas_zero_snr": True,
                "timestep_spacing": "trailing",
            },
        ),
        ("tiny-sdxl", {"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing"}),
        ("tiny-sdxl", {"_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": True}),
        ("tiny-sdxl", {"_class_name": "DDIMScheduler", "clip_sample": False, "steps_offset": 1}),
        ("tiny-sd15", {"_class_name": "PNDMScheduler", "skip_prk_steps": True}),
        ("tiny-sd15", {"_class_name": "DDIMScheduler"}),
        ("tiny-sd15", {"_class_name": "EulerDiscreteScheduler"}),
        ("tiny-sd21", {"_class_name": "DDIMScheduler", "prediction_type": "v_prediction", "steps_offset": 1}),
        ("tiny-sd21", {"_class_name": "DPMSolverMultistepScheduler", "prediction_type": "v_prediction"}),
        ("tiny-sd21", {"_class_name": "EulerAncestralDiscreteScheduler", "steps_offset": 1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_every_scheduler_takes_the_same_steps(
    models: Any, tmp_path: Path, recipe: str, scheduler: dict[str, Any]
) -> None:
    ours, plain = models(recipe)
    config = BETAS | scheduler
    (tmp_path / "scheduler_config.json").write_text(json.dumps(config))
    sampled = read_scheduler(tmp_path, ours.recipe, ours.family.scheduler_settings)
    components = plain.components | {
        "scheduler": getattr(diffusers, scheduler["_class_name"]).from_config(config)
    }
    # The plain pipeline corrects an old scheduler's settings when it is made.
    options = {} if recipe == "tiny-sdxl" else {"requires_safety_checker": False}
    resampled = type(plain)(**components, **options)
    resampled.set_progress_bar_config(disable=True)

    assert_same_picture(replace(ours, scheduler=sampled), resampled, request(recipe, steps=6))


def test_few_steps_without_guidance_are_drawn_by_one_core(compiled: Callable[[str], Any]) -> None:
    made = compiled("tiny-sdxl-turbo")
    plain = diffusers.StableDiffusionXLPipeline.from_pretrained(made.source, local_files_only=True)
    plain.set_progress_bar_config(disable=True)
    for steps in (1, 4):
        asked = request("tiny-sdxl", guidance_scale=0.0, steps=steps)
        assert_same_picture(load_pipeline(made.bundle), plain, asked)
