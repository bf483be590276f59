"""Weights that were fine-tuned here are compiled as they are: the bundle draws what plain diffusers draws."""

from __future__ import annotations

import io
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from rich.console import Console
from serving.image_request import ImageRequest
from serving.pipeline import draw, load_pipeline

from neuron_build import ROOT
from neuron_build.package import Options, package
from neuron_build.random_models import write_random_model
from training.lora.brand_mark import write_pictures
from training.lora.captioned_pictures import read_folder
from training.lora.trainer import Settings, fine_tune
from training.pictures import Size

SIZE = {"tiny-sdxl": 128, "tiny-sd21": 64, "tiny-sd15": 64}


def fine_tuned(recipe: str, folder: Path) -> Path:
    """A few steps of LoRA on the recipe's model, fused."""
    source = ROOT / "model_artifacts" / "models" / "tiny-sdxl"
    if recipe != "tiny-sdxl":
        source = folder / "source"
        write_random_model(recipe, source)
    write_pictures(folder / "pictures", 2, Size(64, 64), seed=1)
    settings = Settings(steps=3, rank=2, learning_rate=2e-2, batch=2, size=Size(64, 64), prior_steps=1)
    quiet = Console(file=io.StringIO())
    fine_tune(source, read_folder(folder / "pictures", "test"), folder / "model", settings, quiet)
    return folder / "model"


@pytest.mark.parametrize("recipe", SIZE)
def test_a_fine_tuned_models_bundle_draws_what_the_plain_pipeline_draws(recipe: str, tmp_path: Path) -> None:
    source, side = fine_tuned(recipe, tmp_path), SIZE[recipe]
    options = Options(source=str(source), sizes=((side, side),), cache=tmp_path / "cache")
    package(recipe, tmp_path, report=print, options=options)
    asked = ImageRequest("the zorvex mark", "", 5, 4, 2.5, side, side)
    plain = diffusers.DiffusionPipeline.from_pretrained(source, local_files_only=True, dtype=torch.float32)
    expected = plain(
        prompt=asked.prompt,
        num_inference_steps=asked.steps,
        guidance_scale=asked.guidance_scale,
        width=side,
        height=side,
        generator=torch.Generator("cpu").manual_seed(asked.seed),
    ).images[0]
    drawn = np.asarray(draw(load_pipeline(tmp_path / recipe), asked)).astype(int)
    assert drawn.std() > 5
    assert np.abs(drawn - np.asarray(expected).astype(int)).max() <= 2
