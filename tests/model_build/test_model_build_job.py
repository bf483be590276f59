"""The script that runs in a build's jobs, with the project's own commands."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from serving.bundle import Manifest, describe_files

from model_build import job
from model_build.packages import install_missing
from model_build.source import SourceError, one_bundle, weights_folder, weights_source

# Python 3.11 has it from 3.11.4 on; without it archives are refused, with a clear error.
needs_safe_tarfile = pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="this Python's tarfile has no data filter (3.11.4 has)"
)


def _root(tmp_path: Path, **asked: str) -> Path:
    config = tmp_path / "ml" / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps(asked))
    return tmp_path / "ml"


def _bundle(folder: Path) -> Path:
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights").write_text("weights")
    manifest = Manifest("small", "tiny-sdxl", "cpu", describe_files(folder), "a test", "none")
    (folder / "bundle.json").write_text(manifest.to_json())
    return folder


def _failure(root: Path) -> str:
    return (root / "output" / "failure").read_text()


def test_a_recipe_that_is_not_there_fails_the_job_with_the_commands_own_words(tmp_path: Path) -> None:
    root = _root(tmp_path, recipe="tiny-sdlx", compiler="cpu")
    assert job.main(["compile", "--root", str(root)]) == 1
    assert "tiny-sdlx" in _failure(root)
    assert "tiny-sdxl" in _failure(root)  # what there is
    assert not (root / "model").exists()


def test_an_altered_bundle_is_not_published(tmp_path: Path) -> None:
    root = _root(tmp_path, destination="s3://nowhere/bundles/", result="s3://nowhere/results/1.json")
    bundle = _bundle(root / "input" / "data" / "bundle" / "small")
    (bundle / "model" / "weights").write_text("others")
    assert job.main(["publish", "--root", str(root)]) == 1
    assert "neuron_build verify ended with status 1" in _failure(root)
    assert "model/weights" in _failure(root)


def test_a_job_without_a_bundle_says_so(tmp_path: Path) -> None:
    root = _root(tmp_path, destination="s3://nowhere/bundles/", result="s3://nowhere/results/1.json")
    (root / "input" / "data" / "bundle").mkdir(parents=True)
    assert job.main(["publish", "--root", str(root)]) == 1
    assert _failure(root) == "one bundle was expected in bundle, there is none"


def test_a_failure_is_cut_to_what_sagemaker_shows(tmp_path: Path) -> None:
    root = _root(tmp_path, recipe="x" * 3000, compiler="cpu")
    assert job.main(["compile", "--root", str(root)]) == 1
    assert len(_failure(root)) == 1024


@needs_safe_tarfile
def test_a_source_is_a_folder_an_archive_or_nothing(tmp_path: Path) -> None:
    channel = tmp_path / "source"
    assert weights_source(channel) is None
    channel.mkdir()
    (channel / "model_index.json").write_text("{}")
    assert weights_source(channel) == channel
    assert weights_folder(channel, tmp_path / "unpacked") == channel
    (channel / "model_index.json").unlink()
    _archive(channel / "model.tar.gz", "unet/config.json")
    assert weights_source(channel) == channel / "model.tar.gz"
    assert (weights_folder(channel, tmp_path / "unpacked") / "unet" / "config.json").read_text() == "{}"


@needs_safe_tarfile
@pytest.mark.parametrize("name", ["../outside", "/etc/outside"])
def test_an_archive_that_climbs_out_is_refused(name: str, tmp_path: Path) -> None:
    channel = tmp_path / "source"
    channel.mkdir()
    _archive(channel / "model.tar.gz", name)
    unpacked = tmp_path / "deep" / "unpacked"
    if name.startswith("/"):
        # tarfile's data filter makes it relative.
        assert (weights_folder(channel, unpacked) / "etc" / "outside").is_file()
    else:
        with pytest.raises(SourceError, match=r"model\.tar\.gz can't be unpacked"):
            weights_folder(channel, unpacked)
    assert not (tmp_path / "deep" / "outside").exists()
    assert not Path("/etc/outside").exists()


def test_two_bundles_are_one_too_many(tmp_path: Path) -> None:
    _bundle(tmp_path / "a")
    _bundle(tmp_path / "b")
    with pytest.raises(SourceError, match="a, b"):
        one_bundle(tmp_path)


def test_nothing_is_installed_where_everything_is_there(tmp_path: Path) -> None:
    assert install_missing(["json", "typer", "boto3"], constraints=tmp_path / "none.txt") == []


def test_what_is_missing_is_installed_as_it_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[list[str]] = []
    monkeypatch.setattr("subprocess.run", lambda command, **_options: run.append(command))
    (tmp_path / "constraints.txt").write_text("surely-not-there==1.2.3\nother==4\n")
    names = ["surely-not-there", "json", "not-pinned-either"]
    install_missing(names, constraints=tmp_path / "constraints.txt")
    assert run[0][1:] == ["-m", "pip", "install", "--quiet", "surely-not-there==1.2.3", "not-pinned-either"]


def _archive(path: Path, name: str) -> None:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = 2
        archive.addfile(member, io.BytesIO(b"{}"))
