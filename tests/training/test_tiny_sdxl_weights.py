"""The shipped weights draw what they are told, what training never showed them included."""

from pathlib import Path
from typing import Any

import pytest

from training.agreement import Verdict, load, share, verdicts
from training.drawings import held_out_drawings
from training.pictures import Size
from training.tiny_sdxl import GUIDANCE_SCALE, STEPS

SHIPPED = Path(__file__).resolve().parents[2] / "model_artifacts" / "models" / "tiny-sdxl"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return load(SHIPPED)


def test_nine_in_ten_held_out_prompts_are_drawn_as_asked(pipeline: Any) -> None:
    found: list[Verdict] = []
    for seed, size in enumerate((Size(128, 128), Size(160, 96), Size(96, 160))):
        found += verdicts(
            pipeline, held_out_drawings(), [seed], size, steps=STEPS, guidance_scale=GUIDANCE_SCALE
        )
    wrong = [(verdict.asked, verdict.seen) for verdict in found if not verdict.agrees]
    assert share(found) >= 0.9, wrong


def test_the_seed_moves_the_shape(pipeline: Any) -> None:
    import torch

    pictures = pipeline(
        ["a red circle on a white background"] * 2,
        num_inference_steps=STEPS,
        width=128,
        height=128,
        generator=[torch.Generator().manual_seed(seed) for seed in (1, 2)],
        output_type="np",
    ).images
    assert abs(pictures[0] - pictures[1]).max() > 0.5


def test_half_precision_on_the_disk_is_full_precision_in_memory() -> None:
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline

    pipeline = StableDiffusionXLPipeline.from_pretrained(
        SHIPPED, local_files_only=True, add_watermarker=False
    )
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2):
        assert {str(parameter.dtype) for parameter in part.parameters()} == {"torch.float32"}


def test_it_is_small_and_complete() -> None:
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 12 * MEGABYTE
    assert {path.suffix for path in files} <= {".json", ".txt", ".md", ".safetensors"}
    assert (SHIPPED / "README.md").is_file()
