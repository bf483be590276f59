"""The model that is fine-tuned: any diffusers folder of SDXL's or Stable Diffusion's architecture."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from training.conditioning import Conditioning, encode_sdxl, tokenize
from training.pictures import Size

_FAMILIES = {"StableDiffusionXLPipeline": "sdxl", "StableDiffusionPipeline": "sd"}
_PREDICTIONS = ("epsilon", "v_prediction", "sample")


class SourceModelError(ValueError):
    """The folder is no model that can be fine-tuned here."""


class SourceModel:
    """A loaded pipeline and what training needs to know of its family."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.family = _family(folder)
        try:
            self.pipeline: Any = DiffusionPipeline.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
        except (OSError, ValueError, KeyError) as error:
            raise SourceModelError(f"{folder}: diffusers can't load it: {error}") from error
        self.pipeline.set_progress_bar_config(disable=True)
        # Training's own steps are those of DDPM, whatever scheduler draws: both come from the same betas.
        self.schedule = DDPMScheduler.from_config(self.pipeline.scheduler.config)
        prediction = self.schedule.config.prediction_type
        if prediction not in _PREDICTIONS:
            raise SourceModelError(
                f"{folder}: predicts {prediction!r}, which training does not know; known are {_PREDICTIONS}"
            )

    @property
    def own_size(self) -> Size:
        """What the pipeline draws when it is told no size: the UNet's sample_size, in pixels."""
        side = self.pipeline.unet.config.sample_size * self.pipeline.vae_scale_factor
        return Size(side, side)

    @property
    def text_encoders(self) -> dict[str, Any]:
        """The text encoders by the names of their folders."""
        names = ("text_encoder", "text_encoder_2") if self.family == "sdxl" else ("text_encoder",)
        return {name: getattr(self.pipeline, name) for name in names}

    def encode(self, captions: list[str]) -> Conditioning:
        """What the UNet is told of captions, as the family's pipeline does it."""
        pipeline = self.pipeline
        tokens = tokenize(pipeline.tokenizer, captions)
        if self.family == "sd":
            return Conditioning(pipeline.text_encoder(tokens)[0])
        tokens_2 = tokenize(pipeline.tokenizer_2, captions)
        return encode_sdxl(tokens, tokens_2, pipeline.text_encoder, pipeline.text_encoder_2)

    def target(self, clean: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """What the UNet is to predict, by the scheduler's prediction type."""
        prediction = self.schedule.config.prediction_type
        if prediction == "epsilon":
            return noise
        if prediction == "sample":
            return clean
        velocity: torch.Tensor = self.schedule.get_velocity(clean, noise, timesteps)
        return velocity


def _family(folder: Path) -> str:
    index = folder / "model_index.json"
    try:
        name = json.loads(index.read_text(encoding="utf-8"))["_class_name"]
    except FileNotFoundError as error:
        raise SourceModelError(f"{folder}: is no diffusers folder, it has no model_index.json") from error
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise SourceModelError(f"{index}: names no pipeline class") from error
    if name not in _FAMILIES:
        raise SourceModelError(
            f"{index}: a {name} can't be fine-tuned here; expected {' or '.join(_FAMILIES)}"
        )
    return _FAMILIES[name]
