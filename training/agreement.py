"""How often a model's pictures agree with their prompts, as the judge sees them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.drawings import Drawing
from training.judge import judge
from training.pictures import Size


@dataclass(frozen=True)
class Verdict:
    """One picture: what was asked for and what the judge sees."""

    asked: Drawing
    seen: Drawing
    seed: int

    @property
    def agrees(self) -> bool:
        """Whether colour, shape and background are all as asked."""
        return self.asked == self.seen


def load(folder: Path) -> Any:
    """The diffusers pipeline of a folder, quiet, on the CPU in float32."""
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline

    pipeline = StableDiffusionXLPipeline.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, add_watermarker=False, torch_dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def verdicts(
    pipeline: Any,
    drawings: Sequence[Drawing],
    seeds: Iterable[int],
    size: Size,
    *,
    steps: int,
    guidance_scale: float,
    batch: int = 16,
) -> list[Verdict]:
    """Draw every drawing's plain prompt with every seed and judge the pictures."""
    asked = [(drawing, seed) for seed in seeds for drawing in drawings]
    found = []
    for first in range(0, len(asked), batch):
        part = asked[first : first + batch]
        pictures = pipeline(
            prompt=[drawing.prompt for drawing, _ in part],
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            width=size.width,
            height=size.height,
            generator=[torch.Generator("cpu").manual_seed(seed) for _, seed in part],
        ).images
        found += [
            Verdict(drawing, judge(picture), seed)
            for (drawing, seed), picture in zip(part, pictures, strict=True)
        ]
    return found


def share(found: Sequence[Verdict]) -> float:
    """The share of the verdicts that agree."""
    return sum(verdict.agrees for verdict in found) / len(found)
