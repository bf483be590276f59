"""A few steps of fine-tuning from end to end: what is written, and that it is whole or not there."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from rich.console import Console

from training.lora import trainer
from training.lora.captioned_pictures import read_folder
from training.lora.source_model import SourceModel, SourceModelError
from training.lora.trainer import Settings, fine_tune
from training.pictures import Size

_SETTINGS = Settings(
    steps=4, rank=2, learning_rate=2e-2, batch=2, size=Size(64, 64), convolutions=True, prior_steps=1
)


def _fine_tune(source: Path, pictures: Path, output: Path, **changed: Any) -> None:
    quiet = Console(file=io.StringIO())
    prior: list[str] = changed.pop("prior_prompts", [])
    settings = replace(_SETTINGS, **changed)
    fine_tune(source, read_folder(pictures, "test"), output, settings, quiet, prior_prompts=prior)


def _draw(folder: Path, adapter: Path | None = None) -> Any:
    pipeline = DiffusionPipeline.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    if adapter is not None:
        pipeline.load_lora_weights(adapter)
    generator = torch.Generator().manual_seed(3)
    return pipeline(
        "the zorvex mark", num_inference_steps=2, height=64, width=64, generator=generator, output_type="np"
    ).images[0]


@pytest.fixture(scope="module", params=["tiny_sdxl", "tiny_sd"])
def fine_tuned(
    request: pytest.FixtureRequest, mark_pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    source: Path = request.getfixturevalue(request.param)
    output = tmp_path_factory.mktemp("fine-tuned") / "model"
    _fine_tune(source, mark_pictures, output)
    return source, output


@pytest.mark.parametrize(("model", "side"), [("tiny_sdxl", 128), ("tiny_sd", 64)])
def test_a_model_s_own_size_is_what_it_draws_when_told_none(
    request: pytest.FixtureRequest, model: str, side: int
) -> None:
    source = SourceModel(request.getfixturevalue(model))
    assert source.own_size == Size(side, side)
    assert source.pipeline("a mark", num_inference_steps=1).images[0].size == (side, side)


def test_without_a_size_pictures_are_taken_at_the_model_s_own(
    tiny_sd: Path, mark_pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Size] = []
    fitted = trainer._fitted

    def noting(path: Path, size: Size) -> Any:
        seen.append(size)
        return fitted(path, size)

    monkeypatch.setattr(trainer, "_fitted", noting)
    _fine_tune(tiny_sd, mark_pictures, tmp_path / "model", size=None, steps=1)
    assert set(seen) == {SourceModel(tiny_sd).own_size}


def test_fusing_draws_what_the_adapter_draws_at_scale_one(fine_tuned: tuple[Path, Path]) -> None:
    source, output = fine_tuned
    fused = _draw(output)
    assert np.abs(fused - _draw(source, output / "adapter")).max() < 1 / 255
    assert np.abs(fused - _draw(source)).max() > 4 / 255


def test_only_the_weights_of_adapted_parts_change(fine_tuned: tuple[Path, Path]) -> None:
    source, output = fine_tuned
    adapted = {"unet", "text_encoder", "text_encoder_2"}
    for path in sorted(output.rglob("*")):
        part = path.relative_to(output).parts[0]
        if not path.is_file() or part == "adapter":
            continue
        before = source / path.relative_to(output)
        if part in adapted and path.name == "config.json":
            assert json.loads(path.read_text()).keys() == json.loads(before.read_text()).keys()
        else:
            same = path.read_bytes() == before.read_bytes()
            assert same != (part in adapted), path
    parts = {path.name for path in source.iterdir() if path.is_dir()}
    assert parts | {"adapter"} == {path.name for path in output.iterdir() if path.is_dir()}


def test_parameters_keep_their_names_and_get_full_precision(fine_tuned: tuple[Path, Path]) -> None:
    from safetensors.torch import load_file

    source, output = fine_tuned
    for name in ("unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"):
        before, after = load_file(source / name), load_file(output / name)
        assert before.keys() == after.keys()
        assert {tensor.dtype for tensor in after.values()} == {torch.float32}


def test_the_same_seed_trains_the_same_weights(tiny_sd: Path, mark_pictures: Path, tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        _fine_tune(tiny_sd, mark_pictures, tmp_path / name, seed=seed)
    weights = {
        name: (tmp_path / name / "adapter" / "pytorch_lora_weights.safetensors").read_bytes()
        for name in ("one", "two", "other")
    }
    assert weights["one"] == weights["two"] != weights["other"]


def test_pictures_of_prior_prompts_are_trained_on_too(
    tiny_sd: Path, mark_pictures: Path, tmp_path: Path
) -> None:
    _fine_tune(tiny_sd, mark_pictures, tmp_path / "without")
    _fine_tune(tiny_sd, mark_pictures, tmp_path / "with", prior_prompts=["a red circle", "a star"])
    adapter = Path("adapter", "pytorch_lora_weights.safetensors")
    assert (tmp_path / "with" / adapter).read_bytes() != (tmp_path / "without" / adapter).read_bytes()


def test_an_interrupted_run_leaves_nothing_at_output(
    tiny_sd: Path, mark_pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "write_fused", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _fine_tune(tiny_sd, mark_pictures, tmp_path / "model", steps=1)
    assert not (tmp_path / "model").exists()
    monkeypatch.undo()
    _fine_tune(tiny_sd, mark_pictures, tmp_path / "model", steps=1)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_is_at_output_is_left_alone(tiny_sd: Path, mark_pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        _fine_tune(tiny_sd, mark_pictures, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_the_target_follows_the_schedulers_prediction(tiny_sdxl: Path, tiny_sd: Path) -> None:
    clean, noise = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    timesteps = torch.tensor([10, 999])
    assert torch.equal(SourceModel(tiny_sd).target(clean, noise, timesteps), noise)
    velocity = SourceModel(tiny_sdxl)
    # At the last timestep nothing of the picture is left, so its velocity is the picture, negative.
    assert torch.allclose(velocity.target(clean, noise, timesteps)[1], -clean[1], atol=1e-5)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (None, "it has no model_index.json"),
        ("{", "names no pipeline class"),
        ('{"_class_name": "FluxPipeline"}', "a FluxPipeline can't be fine-tuned here"),
        (
            '{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}',
            "can't load",
        ),
    ],
)
def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, index: str | None, expected: str) -> None:
    if index is not None:
        (tmp_path / "model_index.json").write_text(index)
    with pytest.raises(SourceModelError, match=expected):
        SourceModel(tmp_path)
