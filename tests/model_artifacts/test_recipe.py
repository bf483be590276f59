import json
from pathlib import Path

import pytest
from serving.recipe import Limits, Recipe, read_recipe

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "model_artifacts/recipes").glob("*.json")), ids=lambda p: p.stem
)
def test_every_recipe_is_read_and_its_defaults_are_within_its_limits(path: Path) -> None:
    recipe = read_recipe(path)

    assert recipe.name == path.stem
    assert all(width % 8 == 0 and height % 8 == 0 for width, height in recipe.sizes)
    assert recipe.steps.allow(recipe.steps.default)
    assert recipe.guidance_scale.allow(recipe.guidance_scale.default)


def test_a_recipe_is_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    limits = {"minimum": 1, "maximum": 2, "default": 1}
    content = {"name": "r", "family": "f", "sizes": [[8, 16]], "steps": limits, "guidance_scale": limits}
    path.write_text(json.dumps(content | {"neuron_cores_per_worker": 2}))

    assert read_recipe(path) == Recipe("r", "f", ((8, 16),), Limits(1, 2, 1), Limits(1, 2, 1))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is no recipe"),
        ("[]", "is no recipe"),
        ('{"name": "r"}', "the field 'family' is missing"),
        ('{"name": "r", "family": "f", "sizes": [[8]]}', "is no recipe"),
        ('{"name": "r", "family": "f", "sizes": [[8, 8]], "steps": {"minimum": 1}}', "is no recipe"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(content)

    with pytest.raises(ValueError, match=reason):
        read_recipe(path)
