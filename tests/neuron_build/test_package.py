import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from serving.bundle import BundleError, Manifest, verify_bundle

from neuron_build import package as packaging
from neuron_build.build import Event
from neuron_build.package import Options, package
from neuron_build.plan import UnknownRecipeError

ROOT = Path(__file__).resolve().parents[2]

Pack = Callable[..., Manifest]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_bundle_is_laid_out_as_the_architecture_says(built: Path) -> None:
    manifest = json.loads((built / "bundle.json").read_text())

    assert manifest.keys() == {
        *("schema", "name", "recipe", "compiler", "digest", "files", "source", "licence", "model"),
        *("versions", "parts", "sizes", "steps", "adapter"),
    }
    assert (manifest["schema"], manifest["name"], manifest["recipe"]) == (2, "tiny-sd15", "tiny-sd15")
    assert (manifest["compiler"], manifest["adapter"], manifest["sizes"]) == ("cpu", "sagemaker", [[64, 64]])
    assert manifest["files"].keys() | {"bundle.json"} == files(built).keys()
    assert verify_bundle(built).digest == manifest["digest"]


def test_a_bundle_holds_its_parts_and_configuration_and_no_weights(built: Path) -> None:
    there = files(built).keys()

    assert {path for path in there if path.startswith("parts/")} == {
        "parts/text_encoder.pt",
        "parts/unet-64x64.pt",
        "parts/vae_decoder-64x64.pt",
        "parts/vae_post_quant_conv-64x64.pt",
    }
    assert {path for path in there if path.startswith("model/")} == {
        "model/model_index.json",
        "model/scheduler/scheduler_config.json",
        "model/tokenizer/merges.txt",
        "model/tokenizer/tokenizer_config.json",
        "model/tokenizer/vocab.json",
        "model/vae/config.json",
    }


def test_the_manifest_says_what_each_part_takes_and_where_it_runs(built: Path) -> None:
    parts = verify_bundle(built).parts

    unet = parts["unet-64x64"]
    assert (unet.part, unet.size, unet.dtype, unet.cores) == ("unet", (64, 64), "float32", (0, 1))
    assert [one.shape for one in unet.inputs] == [(1, 4, 8, 8), (1,), (1, 77, 48)]
    assert (parts["text_encoder"].size, parts["text_encoder"].inputs[0].dtype) == (None, "int64")


def test_a_bundle_serves_with_the_code_of_this_checkout_and_the_sizes_it_has(built: Path) -> None:
    served = files(built / "code")

    recipe = json.loads(served.pop("recipe.json"))
    whole = json.loads((ROOT / "model_artifacts/recipes/tiny-sd15.json").read_text())
    assert recipe == whole | {"sizes": [[64, 64]]}
    assert served == {path: (ROOT / "model_artifacts" / path).read_bytes() for path in served}


def test_packaging_again_compiles_nothing_and_leaves_the_bundle_alone(
    built: Path, pack: Pack, tmp_path: Path
) -> None:
    before, events = identity(built), list[Event]()

    again = pack(built.parent, observe=events.append)
    assert {event.kind for event in events} == {"kept"}
    assert identity(built) == before
    assert pack(tmp_path) == again
    assert files(tmp_path / "tiny-sd15") == files(built)


def test_a_build_with_nothing_to_do_imports_no_torch(built: Path, options: Options) -> None:
    again = ["package", "tiny-sd15", "--size", "64x64", "--cache", str(options.cache)]
    look = (
        "import sys; from neuron_build.cli import app; app(sys.argv[1:], standalone_mode=False);"
        "print([name for name in ('torch', 'diffusers', 'transformers') if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", look, *again, "--output", str(built.parent)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "[]"


def test_a_damaged_bundle_is_written_again(built: Path, pack: Pack, tmp_path: Path) -> None:
    pack(tmp_path)
    (tmp_path / "tiny-sd15/model/vae/config.json").write_text("{}")
    (tmp_path / "tiny-sd15/stray").touch()

    pack(tmp_path)
    assert files(tmp_path / "tiny-sd15") == files(built)


def test_changed_serving_code_makes_another_bundle_and_compiles_nothing(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, events = pack(tmp_path), list[Event]()
    less_code = [path for path in packaging.serving_code() if path.name != "picture.py"]
    monkeypatch.setattr(packaging, "serving_code", lambda: less_code)

    new = pack(tmp_path, observe=events.append)
    assert new.digest != old.digest
    assert {event.kind for event in events} == {"kept"}
    assert not (tmp_path / "tiny-sd15/code/serving/picture.py").exists()


def test_a_bundle_that_can_not_be_written_leaves_the_one_that_was_there(
    built: Path, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(tmp_path)
    (tmp_path / "tiny-sd15/stray").touch()
    before = files(tmp_path / "tiny-sd15")

    def full_disk(source: Path, target: Path) -> None:
        raise OSError(f"no space left for {target.name}")

    monkeypatch.setattr("shutil.copyfile", full_disk)
    with pytest.raises(OSError, match="no space left"):
        pack(tmp_path)

    assert files(tmp_path / "tiny-sd15") == before
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "tiny-sd15"}


def test_a_stored_part_that_was_altered_gets_into_no_bundle(
    built: Path, pack: Pack, options: Options, tmp_path: Path
) -> None:
    own = replace(options, cache=tmp_path / "parts")
    shutil.copytree(options.cache, own.cache, ignore=shutil.ignore_patterns(".digests.json"))
    address = verify_bundle(built).parts["text_encoder"].address
    stored = own.cache / address / "part.pt"
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.write_bytes(content)

    with pytest.raises(BundleError, match=r"parts/text_encoder\.pt was damaged"):
        pack(tmp_path / "out", options=own)
    assert not (tmp_path / "out/tiny-sd15").exists()
    assert not stored.exists()  # the next build compiles it


def test_a_bundle_for_djl_has_its_files_at_its_root(pack: Pack, tmp_path: Path) -> None:
    manifest = pack(tmp_path, name="for-djl", adapter="djl")

    assert (manifest.name, manifest.adapter) == ("for-djl", "djl")
    assert {"model.py", "serving.properties", "code/serving/pipeline.py"} <= manifest.files.keys()
    assert verify_bundle(tmp_path / "for-djl") == manifest


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"recipe": "sdxxl"}, "no recipe 'sdxxl'; there is: .*tiny-sdxl"),
        ({"recipe": "../recipes/sdxl"}, "a bundle's name is that of a folder"),
        ({"name": "../up"}, "a bundle's name is that of a folder"),
        ({"adapter": "triton"}, "no adapter 'triton'; there is: sagemaker, djl"),
        ({"options": Options(sizes=((8, 8),))}, "has no size 8x8; it has: 64x64, 96x96"),
    ],
)
def test_what_can_not_be_packaged_is_refused_and_nothing_written(
    arguments: dict[str, object], reason: str, tmp_path: Path
) -> None:
    asked = {"recipe": "tiny-sd15", "output": tmp_path / "out", "report": print, **arguments}
    with pytest.raises((ValueError, UnknownRecipeError), match=reason):
        package(**asked)  # type: ignore[arg-type]

    assert not (tmp_path / "out").exists()


def identity(folder: Path) -> tuple[int, int]:
    """What changes when a folder is written anew; reading it changes neither."""
    status = folder.stat()
    return status.st_ino, status.st_mtime_ns
