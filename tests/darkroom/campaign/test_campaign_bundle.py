"""A bundle that is missing, stale or altered is refused before anything is synthesized."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from serving.bundle import Manifest, describe_files

from darkroom.campaign import LocalBundle, Problem, RemoteBundle, Sources, load_campaigns

TINY: dict[str, Any] = {"recipe": "tiny-sdxl", "bundle": "tiny-sdxl"}


@pytest.fixture
def tiny(write: Callable[..., Path]) -> Path:
    return write("tiny", model=TINY)


@pytest.mark.usefixtures("tiny")
def test_a_whole_bundle_is_taken_with_every_file_and_its_manifest(sources: Sources, bundle: Path) -> None:
    found = load_campaigns(sources)[0].bundle
    assert isinstance(found, LocalBundle)
    assert found.digest == json.loads((bundle / "bundle.json").read_text())["digest"]
    assert [path for path, _ in found.files] == [
        "bundle.json",
        "code/inference.py",
        "model/unet/config.json",
    ]


def _alter(bundle: Path) -> None:
    (bundle / "model/unet/config.json").write_text("other")


def _remove(bundle: Path) -> None:
    (bundle / "model/unet/config.json").unlink()


def _add(bundle: Path) -> None:
    (bundle / "model/stranger.bin").touch()


def _edit_manifest(bundle: Path) -> None:
    manifest = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**manifest, "source": "elsewhere"}))


def _break_manifest(bundle: Path) -> None:
    (bundle / "bundle.json").write_text("{}")


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (shutil.rmtree, "must have been built"),
        (_alter, "model/unet/config.json was altered"),
        (_remove, "model/unet/config.json is missing"),
        (_add, "model/stranger.bin is not in the manifest"),
        (_edit_manifest, "it was edited"),
        (_break_manifest, "no manifest"),
    ],
)
@pytest.mark.usefixtures("tiny")
def test_a_bundle_that_is_not_what_its_manifest_says_is_refused_with_the_command_that_builds_it(
    damage: Callable[[Path], None], rule: str, bundle: Path, problems: Callable[[], dict[str, Problem]]
) -> None:
    damage(bundle)
    problem = problems()["model.bundle"]
    assert rule in problem.rule
    assert "make setup" in problem.expected


@pytest.mark.usefixtures("tiny")
def test_bytecode_beside_the_serving_code_does_not_alter_a_bundle(sources: Sources, bundle: Path) -> None:
    (bundle / "code/__pycache__").mkdir()
    (bundle / "code/__pycache__/inference.pyc").touch()
    assert len(load_campaigns(sources)) == 1


def test_a_bundle_of_another_recipe_is_refused(
    write: Callable[..., Path], problems: Callable[[], dict[str, Problem]]
) -> None:
    write(model={**TINY, "recipe": "sdxl"})
    assert "made for recipe tiny-sdxl" in problems()["model.bundle"].rule


@pytest.mark.parametrize(
    "name", ["../bundles/tiny-sdxl", "..", "/etc", "", "s3://bucket", "s3://Bucket/x/", "https://x/y"]
)
def test_a_bundle_is_a_name_or_a_prefix_in_s3_and_nothing_else(
    name: str, write: Callable[..., Path], problems: Callable[[], dict[str, Problem]]
) -> None:
    write(model={**TINY, "bundle": name})
    assert list(problems()) == ["model.bundle"]


def test_a_prefix_in_s3_is_taken_with_or_without_its_slash(
    write: Callable[..., Path], sources: Sources
) -> None:
    write("with-slash", model={"recipe": "sdxl", "bundle": "s3://models/sdxl/1/"})
    write("without", model={"recipe": "sdxl", "bundle": "s3://models/sdxl/1"})
    for campaign in load_campaigns(sources):
        assert campaign.bundle == RemoteBundle("models", "sdxl/1/")


def test_another_bundle_is_another_model(write: Callable[..., Path], sources: Sources) -> None:
    write("first", model={"recipe": "sdxl", "bundle": "s3://models/sdxl/1/"})
    write("second", model={"recipe": "sdxl", "bundle": "s3://models/sdxl/2/"})
    first, second = load_campaigns(sources)
    assert first.model_id != second.model_id


@pytest.mark.parametrize(("size", "allowed"), [((160, 96), True), ((128, 128), False)])
def test_a_campaign_draws_the_sizes_its_bundle_was_compiled_for(
    write: Callable[..., Path],
    sources: Sources,
    bundle: Path,
    problems: Callable[[], dict[str, Problem]],
    size: tuple[int, int],
    allowed: bool,
) -> None:
    (bundle / "bundle.json").unlink()
    files = describe_files(bundle)
    narrow = Manifest("tiny-sdxl", "tiny-sdxl", "cpu", files, "a test", "none", sizes=((160, 96), (96, 160)))
    (bundle / "bundle.json").write_text(narrow.to_json())
    model = {"recipe": "tiny-sdxl", "bundle": "tiny-sdxl", "width": size[0], "height": size[1]}
    write(model=model)

    if allowed:
        (campaign,) = load_campaigns(sources)
        assert campaign.recipe.sizes == ((160, 96), (96, 160))
    else:
        assert problems()["model.width"].expected == "160x96, 96x160"
