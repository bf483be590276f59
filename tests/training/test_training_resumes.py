"""A run that was interrupted and goes on ends with the weights of one that was not."""

import io
import math
from pathlib import Path

import pytest
import torch
from rich.console import Console

from training import autoencoder, denoiser
from training.average import Average
from training.captions import every_wording
from training.checkpoint import load_checkpoint, save_checkpoint
from training.drawings import is_held_out, seen_drawings
from training.latents import SIZES, Bank, encoded_pictures
from training.pictures import Size
from training.progress import Run
from training.tiny_sdxl import new_denoiser
from training.tokenizer import learn_merges

_QUIET = Console(file=io.StringIO())


class _StopError(Exception):
    pass


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoencoder, "_PICTURES", 4)
    monkeypatch.setattr(autoencoder, "_SAVE_EVERY", 1)
    monkeypatch.setattr(denoiser, "_SAVE_EVERY", 1)
    monkeypatch.setattr(denoiser, "_BATCH", 4)
    monkeypatch.setattr(denoiser, "_GUIDED", 2)


def test_the_autoencoder(small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = autoencoder.train_autoencoder(3, 1, tmp_path / "whole.pt", _QUIET)

    def interrupted(path: Path, run: Run, parts: dict[str, object]) -> None:
        save_checkpoint(path, run, parts)
        raise _StopError

    with monkeypatch.context() as patched:
        patched.setattr(autoencoder, "save_checkpoint", interrupted)
        with pytest.raises(_StopError):
            autoencoder.train_autoencoder(3, 1, tmp_path / "cut.pt", _QUIET)
    resumed = autoencoder.train_autoencoder(3, 1, tmp_path / "cut.pt", _QUIET)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert math.isclose(whole.config.scaling_factor, resumed.config.scaling_factor)


def test_the_denoiser(small: None, tmp_path: Path) -> None:
    torch.manual_seed(0)
    drawings = seen_drawings()[:8]
    bank = Bank(Size(64, 64), torch.randn(8, 4, 8, 8), drawings, [""] * 8)

    def train(name: str, stop_at: int | None) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        merges = learn_merges(next(iter(every_wording())).split())
        parts, _ = new_denoiser(tmp_path / "words", merges)

        def saved(step: int, average: Average) -> None:
            if step == stop_at:
                raise _StopError

        average = denoiser.train_denoiser(
            parts, [bank], 4, 1, tmp_path / name, _QUIET, saved, learning_rate=1e-3
        )
        return average.weights("unet")

    whole = train("whole.pt", None)
    with pytest.raises(_StopError):
        train("cut.pt", 2)
    resumed = train("cut.pt", None)
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_a_checkpoint_of_a_longer_run_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "run.pt", Run("run", 10, 5), {})
    with pytest.raises(ValueError, match="is of a run of 10 steps, this one has 20"):
        load_checkpoint(tmp_path / "run.pt", Run("run", 20), {})


def test_no_training_picture_shows_what_is_held_out(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = autoencoder.train_autoencoder(1, 1, tmp_path / "vae.pt", _QUIET)
    for size in SIZES:
        monkeypatch.setitem(SIZES, size, 77)
    banks = encoded_pictures(model, 1, tmp_path / "latents", _QUIET)
    assert {drawing for bank in banks for drawing in bank.drawings} == set(seen_drawings())
    assert not any(is_held_out(drawing) for bank in banks for drawing in bank.drawings)
    again = encoded_pictures(model, 1, tmp_path / "latents", _QUIET)
    assert all(torch.equal(one.latents, two.latents) for one, two in zip(banks, again, strict=True))
