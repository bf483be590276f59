from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from serving.image_request import ImageRequest
from serving.pipeline import draw, load_pipeline


@pytest.fixture(scope="module")
def pipeline(bundle: Path) -> Any:
    return load_pipeline(bundle / "model")


def request(**changes: Any) -> ImageRequest:
    asked: dict[str, Any] = {
        "prompt": "a fox",
        "negative_prompt": "",
        "seed": 3,
        "steps": 4,
        "guidance_scale": 5.0,
    }
    return ImageRequest(**asked | {"width": 128, "height": 128} | changes)


@pytest.mark.parametrize(
    ("part", "file"),
    [
        ("text_encoder", "model.safetensors"),
        ("text_encoder_2", "model.safetensors"),
        ("unet", "diffusion_pytorch_model.safetensors"),
        ("vae", "diffusion_pytorch_model.safetensors"),
    ],
)
def test_every_weight_of_the_bundle_is_loaded_and_no_other(
    pipeline: Any, bundle: Path, part: str, file: str
) -> None:
    bundled = load_file(bundle / "model" / part / file)
    loaded = getattr(pipeline, part).state_dict()

    # The library's version decides whether the first text encoder's names have this prefix.
    bare = {name.removeprefix("text_model."): tensor for name, tensor in bundled.items()}
    assert {name.removeprefix("text_model.") for name in loaded} == bare.keys()
    assert all(torch.equal(loaded[name], bare[name.removeprefix("text_model.")]) for name in loaded)


@pytest.mark.parametrize(("steps", "guidance_scale", "batch"), [(1, 5.0, 2), (4, 5.0, 2), (8, 0.0, 1)])
def test_the_unet_runs_once_a_step_and_twice_as_wide_with_guidance(
    pipeline: Any, steps: int, guidance_scale: float, batch: int
) -> None:
    shapes: list[tuple[int, ...]] = []
    hook = pipeline.unet.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape)))

    draw(pipeline, request(steps=steps, guidance_scale=guidance_scale))
    hook.remove()

    assert shapes == [(batch, 4, 16, 16)] * steps


def test_the_seed_is_the_seed_of_torchs_generator(pipeline: Any) -> None:
    noise = torch.randn((1, 4, 16, 16), generator=torch.Generator("cpu").manual_seed(3))
    by_noise = pipeline(
        prompt="a fox", latents=noise, num_inference_steps=4, guidance_scale=5.0, width=128, height=128
    )

    assert np.array_equal(np.asarray(draw(pipeline, request())), np.asarray(by_noise.images[0]))


def test_numbers_that_ran_over_are_an_error_and_not_a_black_picture(bundle: Path) -> None:
    broken = load_pipeline(bundle / "model")
    broken.vae.decoder.conv_out.bias.data.fill_(float("nan"))

    with pytest.raises(ArithmeticError, match="pixels that are no numbers"):
        draw(broken, request())


def test_a_worker_computes_on_one_thread_unless_its_environment_says_otherwise(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    load_pipeline(bundle / "model")
    assert torch.get_num_threads() == 2

    monkeypatch.delenv("OMP_NUM_THREADS")
    load_pipeline(bundle / "model")
    assert torch.get_num_threads() == 1
