import functools
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from neuron_build import ROOT
from neuron_build.digests import remembered_digests
from neuron_build.package import CACHE, package
from neuron_build.parts_store import PartsStore
from neuron_build.plan import find_recipe
from neuron_build.sources.source import open_source


@dataclass(frozen=True)
class Compiled:
    """A bundle of a recipe for the CPU, and the diffusers folder it was compiled from."""

    bundle: Path
    source: Path


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Compiled]:
    """Packages a tiny recipe as `make setup` does; its parts come from the store of .build if they are there."""
    output = tmp_path_factory.mktemp("bundles")

    @functools.cache
    def package_once(recipe: str) -> Compiled:
        package(recipe, output, report=print)
        with remembered_digests(PartsStore(CACHE).digests) as digests:
            source = open_source(None, find_recipe(recipe), PartsStore(CACHE).sources, digests, print)
        return Compiled(output / recipe, source.folder)

    return package_once


@pytest.fixture(scope="session")
def bundle(compiled: Callable[[str], Compiled]) -> Path:
    """The tiny SDXL's bundle. Tests that change files take a copy."""
    return compiled("tiny-sdxl").bundle


@pytest.fixture(scope="session")
def toolkit_module(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """inference.py beside the recipe, as in a bundle; linked, so that coverage sees it."""
    code = tmp_path_factory.mktemp("code")
    (code / "inference.py").symlink_to(ROOT / "model_artifacts/inference.py")
    (code / "recipe.json").symlink_to(bundle / "code/recipe.json")
    specification = importlib.util.spec_from_file_location("bundled_inference", code / "inference.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def invoke(toolkit_module: ModuleType, bundle: Path) -> Callable[..., bytes]:
    """Sends a payload through the four functions as SageMaker's toolkit does, and gives the PNG."""
    model = toolkit_module.model_fn(str(bundle))

    def through_the_toolkit(payload: dict[str, Any]) -> bytes:
        data = toolkit_module.input_fn(json.dumps(payload), "application/json")
        prediction = toolkit_module.predict_fn(data, model)
        png: bytes = toolkit_module.output_fn(prediction, "image/png")
        return png

    return through_the_toolkit


@pytest.fixture
def payload() -> dict[str, Any]:
    return {
        "prompt": "a lighthouse at dawn",
        "negative_prompt": "",
        "seed": 7,
        "steps": 4,
        "guidance_scale": 5.0,
        "width": 128,
        "height": 128,
    }
