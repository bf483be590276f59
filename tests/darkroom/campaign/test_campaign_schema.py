"""The JSON schema that editors use is the model's, and the shipped files and recipes are good."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from darkroom.campaign import Sources
from darkroom.campaign.recipe import read_recipe, recipe_names
from darkroom.campaign.schema import schema_text

SOURCES = Sources()
FILES = sorted(SOURCES.campaigns.glob("*.yaml"))


def test_the_committed_schema_is_the_models() -> None:
    committed = (SOURCES.campaigns / "campaign.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(), "run `python -m darkroom.campaign`"


def test_the_schema_explains_every_field() -> None:
    schema = json.loads(schema_text())
    sections = {"Campaign": schema, **schema["$defs"]}
    for title, section in sections.items():
        for name, field in section["properties"].items():
            if name not in ("environment", "model", "endpoint", "scaling", "cache", "notifications", "api"):
                assert field.get("description"), f"{title}.{name}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shipped_campaign_fits_the_schema(file: Path) -> None:
    jsonschema.Draft202012Validator(json.loads(schema_text())).validate(yaml.safe_load(file.read_text()))


def test_the_schema_refuses_what_the_model_refuses() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema_text()))
    campaign = yaml.safe_load((SOURCES.campaigns / "demo.yaml").read_text())
    for change in (
        {"nmae": 1},
        {"cache": {"time_to_live": 60}},
        {"environment": {"account": "1", "region": "x"}},
    ):
        assert not validator.is_valid({**campaign, **change})


@pytest.mark.parametrize("name", recipe_names(SOURCES.recipes))
def test_every_recipe_is_consistent(name: str) -> None:
    recipe = read_recipe(SOURCES.recipes, name)
    assert recipe.name == name
    assert recipe.steps.minimum <= recipe.steps.default <= recipe.steps.maximum
    assert recipe.guidance_scale.minimum <= recipe.guidance_scale.default <= recipe.guidance_scale.maximum
    assert {each.size for each in recipe.seconds_per_image.by_size} <= set(recipe.sizes)
    assert all(width % 8 == 0 and height % 8 == 0 for width, height in recipe.sizes)
