import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from serving.image_request import ImageRequest
from serving.parts import LoadedPart
from serving.pipeline import Pipeline, draw, load_pipeline

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pipeline(bundle: Path) -> Pipeline:
    return load_pipeline(bundle)


def request(**changes: Any) -> ImageRequest:
    asked: dict[str, Any] = {
        "prompt": "a fox",
        "negative_prompt": "",
        "seed": 3,
        "steps": 4,
        "guidance_scale": 5.0,
    }
    return ImageRequest(**asked | {"width": 128, "height": 128} | changes)


def with_part(pipeline: Pipeline, name: str, run: Callable[..., Any]) -> Pipeline:
    return replace(pipeline, parts={**pipeline.parts, name: replace(pipeline.parts[name], module=run)})


@pytest.mark.parametrize(("steps", "guidance_scale", "batch"), [(1, 5.0, 2), (4, 5.0, 2), (8, 0.0, 1)])
def test_the_unet_runs_once_a_step_and_twice_as_wide_with_guidance(
    pipeline: Pipeline, steps: int, guidance_scale: float, batch: int
) -> None:
    shapes: list[tuple[int, ...]] = []
    unet = pipeline.parts["unet-128x128"].module

    def watched(*inputs: torch.Tensor) -> Any:
        shapes.append(tuple(inputs[0].shape))
        return unet(*inputs)

    draw(with_part(pipeline, "unet-128x128", watched), request(steps=steps, guidance_scale=guidance_scale))

    assert shapes == [(batch, 4, 16, 16)] * steps


def test_a_prompt_a_seed_and_a_guidance_make_a_difference(pipeline: Pipeline) -> None:
    changes: list[dict[str, Any]] = [{}, {"prompt": "a hen"}, {"seed": 4}, {"guidance_scale": 9.0}]
    pictures = {draw(pipeline, request(**change)).tobytes() for change in changes}

    assert len(pictures) == len(changes)


def test_a_worker_draws_the_same_bytes_at_any_time(pipeline: Pipeline, bundle: Path) -> None:
    first = draw(pipeline, request()).tobytes()
    draw(pipeline, request(prompt="another", steps=7, width=160, height=96))

    assert [draw(pipeline, request()).tobytes() for _ in range(3)] == [first] * 3
    assert draw(load_pipeline(bundle), request()).tobytes() == first


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_ran_over_are_an_error_and_not_a_black_picture(
    pipeline: Pipeline, number: float
) -> None:
    broken = with_part(pipeline, "vae_decoder-128x128", lambda _: torch.full((1, 3, 128, 128), number))

    with pytest.raises(ArithmeticError, match="pixels that are no numbers"):
        draw(broken, request())


def test_a_worker_computes_on_one_thread_unless_its_environment_says_otherwise(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    load_pipeline(bundle)
    assert torch.get_num_threads() == 2

    monkeypatch.delenv("OMP_NUM_THREADS")
    load_pipeline(bundle)
    assert torch.get_num_threads() == 1


def test_a_scheduler_that_the_recipe_does_not_allow_is_refused(bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    config = copy / "model/scheduler/scheduler_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "_class_name": "HeunDiscreteScheduler"}))

    with pytest.raises(ValueError, match=r"tiny-sdxl takes Euler.*not HeunDiscreteScheduler"):
        load_pipeline(copy)


def test_drawing_needs_no_transformers_no_models_of_diffusers_and_no_compiler_of_torch(bundle: Path) -> None:
    heavy = "('transformers', 'accelerate', 'diffusers.models', 'diffusers.pipelines', 'torch._dynamo')"
    script = f"""
import sys
from pathlib import Path
from serving.image_request import ImageRequest
from serving.pipeline import draw, load_pipeline
draw(load_pipeline(Path({str(bundle)!r})), ImageRequest("a fox", "", 3, 1, 5.0, 128, 128))
print([name for name in {heavy} if name in sys.modules])
import torch._dynamo  # it is only put off
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT / "model_artifacts"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"


def test_a_part_is_given_the_types_it_was_compiled_for_and_gives_float32() -> None:
    given: list[torch.dtype] = []

    def part(*inputs: torch.Tensor) -> torch.Tensor:
        given.extend(tensor.dtype for tensor in inputs)
        return inputs[0] * 2

    loaded = LoadedPart(part, (torch.bfloat16, torch.float32))
    (output,) = loaded(torch.ones(1, 4), torch.tensor([999]))

    assert given == [torch.bfloat16, torch.float32]
    assert output.dtype == torch.float32


@pytest.mark.parametrize("batch", [1, 2])
def test_every_core_has_its_share_though_the_picture_is_not_guided(batch: int) -> None:
    shapes: list[tuple[int, ...]] = []

    def parallel(*inputs: torch.Tensor) -> torch.Tensor:
        shapes.extend(tuple(tensor.shape) for tensor in inputs)
        return inputs[0]

    sample = torch.arange(batch * 4.0).reshape(batch, 4)
    (output,) = LoadedPart(parallel, (torch.float32, torch.float32), 2)(sample, torch.zeros(batch))

    assert shapes == [(2, 4), (2,)]
    assert np.array_equal(output, sample)
