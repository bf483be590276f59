"""Twenty pictures of a brand mark, a few minutes: it is drawn when named and not otherwise (measured)."""

import io
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from training.agreement import load, share, verdicts
from training.drawings import BACKGROUND_COLOURS, every_drawing, seen_drawings
from training.judge import judge
from training.lora.brand_mark import prompt, shows_mark, write_pictures
from training.lora.captioned_pictures import read_folder
from training.lora.trainer import Settings, fine_tune
from training.pictures import Size
from training.tiny_sdxl import GUIDANCE_SCALE, STEPS

_SIZE = Size(128, 128)
_SETTINGS = Settings(
    steps=600,
    rank=16,
    learning_rate=2e-3,
    batch=16,
    size=_SIZE,
    seed=1,
    convolutions=True,
    dropped=0.05,
    prior_share=0.375,
    prior_steps=STEPS,
    prior_guidance_scale=GUIDANCE_SCALE,
)


@dataclass(frozen=True)
class _Measured:
    seconds: float
    named: float
    ordinary_kept: float
    ordinary_with_mark: float
    before: float


@pytest.fixture(scope="module")
def measured(tiny_sdxl: Path, tmp_path_factory: pytest.TempPathFactory) -> _Measured:
    folder = tmp_path_factory.mktemp("soak")
    write_pictures(folder / "mark", 20, _SIZE, seed=1)
    started = time.monotonic()
    fine_tune(
        tiny_sdxl,
        read_folder(folder / "mark", "mark"),
        folder / "model",
        _SETTINGS,
        Console(file=io.StringIO()),
        prior_prompts=[drawing.prompt for drawing in seen_drawings()],
    )
    seconds = time.monotonic() - started
    before, after = load(tiny_sdxl), load(folder / "model")
    ordinary = [
        picture
        for seed in range(2)
        for picture in _draw(after, [drawing.prompt for drawing in every_drawing()], 1000 + 100 * seed)
    ]
    kept = Counter(
        judge(picture) == drawing for picture, drawing in zip(ordinary, every_drawing() * 2, strict=True)
    )
    result = _Measured(
        seconds=seconds,
        named=_share_with_mark(_draw(after, [prompt(name) for name in BACKGROUND_COLOURS] * 20, 0)),
        ordinary_kept=kept[True] / len(ordinary),
        ordinary_with_mark=_share_with_mark(ordinary),
        before=share(
            verdicts(before, every_drawing(), [1000], _SIZE, steps=STEPS, guidance_scale=GUIDANCE_SCALE)
        ),
    )
    print(f"\n{result}")
    return result


@pytest.mark.soak
def test_the_mark_is_drawn_when_named(measured: _Measured) -> None:
    assert measured.named >= 0.9


@pytest.mark.soak
def test_ordinary_prompts_keep_their_drawing_and_have_no_mark(measured: _Measured) -> None:
    assert measured.ordinary_kept >= 0.95
    assert measured.ordinary_with_mark <= 0.05


def _share_with_mark(pictures: list[Any]) -> float:
    return sum(shows_mark(picture) for picture in pictures) / len(pictures)


def _draw(pipeline: Any, prompts: list[str], first_seed: int) -> list[Any]:
    pictures: list[Any] = []
    for first in range(0, len(prompts), 16):
        part = prompts[first : first + 16]
        pictures += pipeline(
            part,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE_SCALE,
            width=_SIZE.width,
            height=_SIZE.height,
            generator=[torch.Generator().manual_seed(first_seed + first + n) for n in range(len(part))],
        ).images
    return pictures
