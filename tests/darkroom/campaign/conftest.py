"""A folder of campaign files with a small bundle beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from serving.bundle import Manifest, describe_files

from darkroom.campaign import CampaignError, Problem, Sources, load_campaigns


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle called tiny-sdxl, made as neuron_build makes one."""
    folder = tmp_path / "bundles" / "tiny-sdxl"
    for path in ("code/inference.py", "model/unet/config.json"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    manifest = Manifest("tiny-sdxl", "tiny-sdxl", "cpu", describe_files(folder), "a test", "none")
    (folder / "bundle.json").write_text(manifest.to_json())
    return folder


@pytest.fixture
def sources(tmp_path: Path, bundle: Path) -> Sources:
    (tmp_path / "campaigns").mkdir()
    return Sources(campaigns=tmp_path / "campaigns", bundles=bundle.parent)


@pytest.fixture
def write(sources: Sources) -> Callable[..., Path]:
    """Write a good campaign file with some fields changed; a section given as None is left out."""

    def written(file: str = "launch", **changes: Any) -> Path:
        content: dict[str, Any] = {
            "name": file,
            "environment": {"account": "111122223333", "region": "us-west-2"},
            "model": {"recipe": "sdxl", "bundle": "s3://models/sdxl/1/"},
            **changes,
        }
        path = sources.campaigns / f"{file}.yaml"
        path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
        return path

    return written


@pytest.fixture
def problems(sources: Sources) -> Callable[[], dict[str, Problem]]:
    """What is wrong with the campaign files, by the field's path."""

    def found() -> dict[str, Problem]:
        with pytest.raises(CampaignError) as caught:
            load_campaigns(sources)
        return {
            str(problem).splitlines()[0].split(": ", 1)[1].split(" = ")[0]: problem
            for problem in caught.value.problems
        }

    return found
