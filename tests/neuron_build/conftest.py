"""One store of compiled parts for all tests of a worker: what one compiled, the next finds there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from serving.bundle import Manifest

from neuron_build.digests import Digests
from neuron_build.package import Options, package
from neuron_build.plan import find_recipe
from neuron_build.sources.source import open_source

SIZE = (64, 64)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts")


@pytest.fixture(scope="session")
def options(cache: Path) -> Options:
    """The quickest that can be compiled: tiny-sd15 in one size has four parts."""
    return Options(cache=cache, sizes=(SIZE,), jobs=2)


@pytest.fixture(scope="session")
def pack(options: Options) -> Callable[..., Manifest]:
    """Packages tiny-sd15 into a folder."""

    def packed(output: Path, **changes: object) -> Manifest:
        return package("tiny-sd15", output, lambda _: None, **{"options": options, **changes})  # type: ignore[arg-type]

    return packed


@pytest.fixture(scope="session")
def built(pack: Callable[..., Manifest], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle. Tests that change files take a copy."""
    output = tmp_path_factory.mktemp("built")
    pack(output)
    return output / "tiny-sd15"


@pytest.fixture(scope="session")
def tiny_sd15(cache: Path) -> Path:
    """The diffusers folder of the random tiny-sd15. Tests that change files take a copy."""
    recipe = find_recipe("tiny-sd15")
    return open_source(None, recipe, cache / ".sources", Digests(), lambda _: None).folder
