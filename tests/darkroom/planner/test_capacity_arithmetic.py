"""The capacity arithmetic of docs/scaling.md, from the recipes' published seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from darkroom.campaign import Sources
from darkroom.campaign.recipe import read_recipe

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "scaling.md").read_text(encoding="utf-8")
REPORTED = 27_796


def an_hour(workers: int, seconds: float) -> float:
    """Pictures an instance-hour."""
    return workers * 3600 / seconds


def test_system_as_figures_follow_from_one_another() -> None:
    assert an_hour(12, 10) == 4320
    assert pytest.approx(1.55, abs=0.005) == 12 * 3600 / REPORTED
    assert pytest.approx(3.11, abs=0.005) == 24 * 3600 / REPORTED
    assert pytest.approx(11.81, abs=0.005) == 0.000425 * REPORTED
    for figure in ("4,320", "27,796", "1.55 s", "3.11 s", "$11.81"):
        assert figure in DOCUMENT


@pytest.mark.parametrize(
    ("recipe", "size", "steps", "workers", "row"),
    [
        ("sdxl", (1024, 1024), 50, 12, "| SDXL base 1024, 50 steps | 12 | 12.05 | 3,585 | no |"),
        ("sdxl", (1024, 1024), 30, 12, "| SDXL base 1024, 30 steps | 12 | 7.23 | 5,975 | no |"),
        ("sd21", (512, 512), 50, 12, "| SD 2.1 512, 50 steps | 12 | 1.98 | 21,852 | no |"),
        ("sd15", (512, 512), 50, 12, "| SD 1.5 512, 50 steps | 12 | 2.43 | 17,797 | no |"),
    ],
)
def test_each_models_row_is_its_recipes_arithmetic(
    recipe: str, size: tuple[int, int], steps: int, workers: int, row: str
) -> None:
    found = read_recipe(Sources().recipes, recipe)
    seconds = found.seconds_for(width=size[0], height=size[1], steps=steps)
    assert f"| {workers} | {seconds:.2f} | {an_hour(workers, seconds):,.0f} |" in row
    assert row in DOCUMENT
