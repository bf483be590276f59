import json
import subprocess
import sys
from pathlib import Path

import pytest
from serving.bundle import verify_bundle

from neuron_build import package as packaging
from neuron_build import tiny_sdxl
from neuron_build.package import UnknownRecipeError, package

ROOT = Path(__file__).resolve().parents[2]


class Steps:
    """Remembers what a build reports; empty after a call that built nothing."""

    def __init__(self) -> None:
        self.reported: list[str] = []

    def __call__(self, step: str) -> None:
        self.reported.append(step)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("built")
    package("tiny-sdxl", output, report=Steps())
    return output / "tiny-sdxl"


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_building_twice_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    package("tiny-sdxl", tmp_path, report=Steps())

    assert files(tmp_path / "tiny-sdxl") == files(built)


def test_a_bundle_is_laid_out_as_the_architecture_says(built: Path) -> None:
    manifest = json.loads((built / "bundle.json").read_text())

    assert manifest.keys() == {"schema", "name", "recipe", "compiler", "digest", "files", "source", "licence"}
    assert (manifest["schema"], manifest["name"], manifest["recipe"]) == (1, "tiny-sdxl", "tiny-sdxl")
    assert manifest["compiler"] == "cpu"
    assert manifest["files"].keys() | {"bundle.json"} == files(built).keys()
    assert {"code/inference.py", "code/serving/pipeline.py", "code/recipe.json"} <= manifest["files"].keys()
    assert verify_bundle(built).digest == manifest["digest"]


def test_a_bundle_serves_with_the_code_of_this_checkout(built: Path) -> None:
    served = files(built / "code")

    assert served.pop("recipe.json") == (ROOT / "model_artifacts/recipes/tiny-sdxl.json").read_bytes()
    assert served == {path: (ROOT / "model_artifacts" / path).read_bytes() for path in served}


def test_the_weights_are_the_same_on_every_machine(built: Path) -> None:
    """A change of these on purpose makes a new endpoint configuration wherever the model is deployed."""
    described = verify_bundle(built).files
    assert {path: file.sha256[:16] for path, file in described.items() if path.endswith(".safetensors")} == {
        "model/text_encoder/model.safetensors": "44e8ef4dcc3b0bfc",
        "model/text_encoder_2/model.safetensors": "dee176dcf8f0b3ba",
        "model/unet/diffusion_pytorch_model.safetensors": "814441a2939af7a0",
        "model/vae/diffusion_pytorch_model.safetensors": "006ac50ed64af427",
    }


def test_no_librarys_version_is_written_into_a_bundle(built: Path) -> None:
    configurations = b"".join(path.read_bytes() for path in (built / "model").rglob("*.json"))

    assert b"_version" not in configurations


def test_a_fresh_bundle_is_not_built_again(tmp_path: Path) -> None:
    first = package("tiny-sdxl", tmp_path, report=Steps())
    before = _identity(tmp_path / "tiny-sdxl")
    steps = Steps()

    assert package("tiny-sdxl", tmp_path, report=steps) == first
    assert steps.reported == []
    assert _identity(tmp_path / "tiny-sdxl") == before


def test_finding_a_fresh_bundle_imports_no_torch(built: Path) -> None:
    look = (
        "import sys, pathlib; from neuron_build.package import package;"
        "package('tiny-sdxl', pathlib.Path(sys.argv[1]), print); print('torch' in sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", look, str(built.parent)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert finished.stdout == "False\n"


def test_a_damaged_bundle_is_built_again(built: Path, tmp_path: Path) -> None:
    package("tiny-sdxl", tmp_path, report=Steps())
    (tmp_path / "tiny-sdxl/model/vae/config.json").write_text("{}")

    package("tiny-sdxl", tmp_path, report=Steps())

    assert files(tmp_path / "tiny-sdxl") == files(built)


def test_changed_serving_code_makes_another_bundle(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = package("tiny-sdxl", tmp_path, report=Steps())
    less_code = [path for path in packaging.serving_code() if path.name != "picture.py"]
    monkeypatch.setattr(packaging, "serving_code", lambda: less_code)

    new = package("tiny-sdxl", tmp_path, report=Steps())

    assert new.digest != old.digest
    assert not (tmp_path / "tiny-sdxl/code/serving/picture.py").exists()


def test_a_build_that_fails_leaves_the_bundle_that_was_there(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package("tiny-sdxl", tmp_path, report=Steps())
    (tmp_path / ".tiny-sdxl.inputs").unlink()

    def full_disk(folder: Path) -> None:
        raise OSError(f"no space left for {folder.name}")

    monkeypatch.setattr(tiny_sdxl, "PARTS", dict(tiny_sdxl.PARTS) | {"vae": full_disk})
    with pytest.raises(OSError, match="no space left for vae"):
        package("tiny-sdxl", tmp_path, report=Steps())

    assert files(tmp_path / "tiny-sdxl") == files(built)
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "tiny-sdxl"}


def test_an_unknown_recipe_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownRecipeError, match="no recipe 'sdxxl' to package; there is: tiny-sdxl"):
        package("sdxxl", tmp_path, report=Steps())

    assert list(tmp_path.iterdir()) == []


def _identity(folder: Path) -> tuple[int, int]:
    """What changes when a folder is written anew; reading it changes neither."""
    status = folder.stat()
    return status.st_ino, status.st_mtime_ns
