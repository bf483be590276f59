import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from serving.bundle import (
    BundleError,
    BundleFile,
    CompiledInput,
    CompiledPart,
    Manifest,
    describe_files,
    read_manifest,
    verify_bundle,
)

WEIGHTS = b"0123456789" * 100


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A bundle of three files."""
    folder = tmp_path / "small"
    for path, content in {
        "model/unet/weights.bin": WEIGHTS,
        "model/config.json": b"{}",
        "code/inference.py": b"# serves\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    inputs = (CompiledInput((1, 4, 16, 16), "float32"), CompiledInput((1,), "float32"))
    manifest = Manifest(
        "small",
        "tiny-sdxl",
        "cpu",
        describe_files(folder),
        "made in a test",
        "CC0-1.0",
        model="small",
        versions={"torch": "2.13.0"},
        parts={
            "unet-128x128": CompiledPart("unet", (128, 128), inputs, "float32", (0, 1), "a" * 64),
            "text_encoder": CompiledPart(
                "text_encoder", None, (CompiledInput((1, 77), "int64"),), "float32", (0,), "b" * 64
            ),
        },
        sizes=((128, 128),),
        steps={"minimum": 1, "maximum": 8, "default": 4},
    )
    (folder / "bundle.json").write_text(manifest.to_json())
    return folder


def test_a_whole_bundle_is_verified(small: Path) -> None:
    manifest = verify_bundle(small)

    assert manifest.files["model/unet/weights.bin"] == BundleFile(hashlib.sha256(WEIGHTS).hexdigest(), 1000)
    assert set(manifest.files) == {"model/unet/weights.bin", "model/config.json", "code/inference.py"}


def test_a_manifest_is_read_as_it_was_written(small: Path) -> None:
    manifest = read_manifest(small)

    assert manifest.parts["unet-128x128"].inputs[0] == CompiledInput((1, 4, 16, 16), "float32")
    assert (manifest.parts["unet-128x128"].size, manifest.parts["text_encoder"].size) == ((128, 128), None)
    assert manifest.to_json() == (small / "bundle.json").read_text()
    assert hash(manifest.parts["unet-128x128"])  # tuples all the way down


def test_the_digest_is_that_of_the_canonical_json_without_it(small: Path) -> None:
    content = json.loads((small / "bundle.json").read_text())
    digest = content.pop("digest")

    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert digest == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_order_of_files_does_not_change_the_digest() -> None:
    one, two = BundleFile("1" * 64, 1), BundleFile("2" * 64, 2)

    def digest(files: dict[str, BundleFile]) -> str:
        return Manifest("m", "m", "cpu", files, "", "").digest

    assert digest({"a": one, "b": two}) == digest({"b": two, "a": one})
    assert digest({"a": one, "b": two}) != digest({"a": two, "b": one})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file: file.write_bytes(WEIGHTS[:-1]), "has 999 bytes instead of 1000"),
        (lambda file: file.write_bytes(b"x" + WEIGHTS[1:]), "was altered"),
        (lambda file: file.unlink(), "is missing"),
        (lambda file: file.rename(file.with_name("more.bin")), "is foreign"),
    ],
    ids=["truncated", "altered", "missing", "foreign"],
)
def test_a_damaged_bundle_is_refused_with_the_files_name(
    small: Path, damage: Callable[[Path], object], reason: str
) -> None:
    damage(small / "model/unet/weights.bin")

    with pytest.raises(BundleError, match=rf"model/unet/(weights|more)\.bin {reason}"):
        verify_bundle(small)


def test_every_damaged_file_is_named(small: Path) -> None:
    (small / "model/config.json").unlink()
    (small / "code/inference.py").write_bytes(b"# steals\n")
    (small / "code/extra.py").write_bytes(b"")

    with pytest.raises(BundleError, match=r"extra\.py.*inference\.py.*config\.json"):
        verify_bundle(small)


def test_a_manifest_that_was_made_to_fit_is_refused(small: Path) -> None:
    (small / "model/config.json").write_bytes(b"[]")
    content = json.loads((small / "bundle.json").read_text())
    content["files"]["model/config.json"]["sha256"] = hashlib.sha256(b"[]").hexdigest()
    (small / "bundle.json").write_text(json.dumps(content))

    with pytest.raises(BundleError, match=r"bundle\.json was altered"):
        verify_bundle(small)


def test_no_file_of_a_bundle_passes_for_multi_model_servers_own_manifest(small: Path) -> None:
    verify_bundle(small)
    assert "manifest.json" not in {path.name.lower() for path in [*small.iterdir(), *small.glob("*/*")]}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": 2, "digest": "", "files": []}', '{"schema": 2', "null"]
)
def test_what_is_no_manifest_is_refused(small: Path, content: str) -> None:
    (small / "bundle.json").write_text(content)

    with pytest.raises(BundleError, match=r"bundle\.json is no manifest"):
        read_manifest(small)


def test_a_schema_from_the_future_is_refused(small: Path) -> None:
    content = json.loads((small / "bundle.json").read_text())
    (small / "bundle.json").write_text(json.dumps(content | {"schema": 3}))

    with pytest.raises(BundleError, match="schema 3 is unknown, this code reads schema 2"):
        read_manifest(small)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"bundle\.json is missing"):
        verify_bundle(tmp_path)


def test_bytecode_that_python_writes_beside_the_code_is_no_foreign_file(small: Path) -> None:
    cache = small / "code/__pycache__"
    cache.mkdir()
    (cache / "inference.cpython-311.pyc").write_bytes(b"")

    verify_bundle(small)
