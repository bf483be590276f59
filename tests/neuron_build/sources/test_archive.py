import io
import tarfile
from pathlib import Path

import pytest

from neuron_build.digests import Digests
from neuron_build.plan import find_recipe
from neuron_build.sources import SourceError
from neuron_build.sources.archive import unpack
from neuron_build.sources.diffusers_folder import check_source
from neuron_build.sources.source import open_source

RECIPE = find_recipe("tiny-sd15")


def pack(folder: Path, archive: Path, name: str = ".") -> Path:
    with tarfile.open(archive, "w:gz") as content:
        content.add(folder, name)
    return archive


def unpacked(archive: Path, cache: Path) -> Path:
    return unpack(archive, cache, Digests(), lambda _: None)


@pytest.mark.parametrize("name", [".", "some/model"])
def test_an_archive_of_a_diffusers_folder_is_the_same_source(
    name: str, tiny_sd15: Path, tmp_path: Path
) -> None:
    archive = pack(tiny_sd15, tmp_path / "fine-tuned.tar.gz", name)
    cache = tmp_path / "cache"

    source = open_source(str(archive), RECIPE, cache, Digests(), lambda _: None)
    check_source(source.folder, RECIPE)
    folder = open_source(str(tiny_sd15), RECIPE, cache, Digests(), lambda _: None)
    assert source.description == folder.description


def test_the_output_folder_of_a_training_job_is_a_source(tiny_sd15: Path, tmp_path: Path) -> None:
    output = tmp_path / "job" / "output"
    output.mkdir(parents=True)
    pack(tiny_sd15, output / "model.tar.gz")

    check_source(open_source(str(output), RECIPE, tmp_path, Digests(), lambda _: None).folder, RECIPE)


def test_an_archive_is_unpacked_once(tiny_sd15: Path, tmp_path: Path) -> None:
    archive, reports = pack(tiny_sd15, tmp_path / "m.tar.gz"), list[str]()
    first = unpacked(archive, tmp_path / "cache")

    assert unpack(archive, tmp_path / "cache", Digests(), reports.append) == first
    assert not any("unpacking" in report for report in reports)


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (entry("../outside"), "lies outside of the archive"),
        (entry("/etc/outside"), "lies outside of the archive"),
        (entry("a/../../outside"), "lies outside of the archive"),
        (entry("link", tarfile.SYMTYPE, "/etc/passwd"), "link is a link or a device"),
        (entry("link", tarfile.LNKTYPE, "model_index.json"), "link is a link or a device"),
        (entry("pipe", tarfile.FIFOTYPE), "pipe is a link or a device"),
    ],
)
def test_an_archive_that_reaches_out_of_itself_is_refused_and_leaves_nothing(
    member: tarfile.TarInfo, reason: str, tmp_path: Path
) -> None:
    archive = tmp_path / "bad.tar.gz"
    with tarfile.open(archive, "w:gz") as content:
        content.addfile(entry("model_index.json"), io.BytesIO(b""))
        content.addfile(member, io.BytesIO(b""))

    with pytest.raises(SourceError, match=reason):
        unpacked(archive, tmp_path / "cache" / "deep")
    assert list((tmp_path / "cache/deep").iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"bad.tar.gz", "cache"}


@pytest.mark.parametrize("damage", [lambda content: content[:-200], lambda _: b"no archive"])
def test_an_archive_that_is_cut_off_is_refused(damage: object, tiny_sd15: Path, tmp_path: Path) -> None:
    archive = pack(tiny_sd15, tmp_path / "cut.tar.gz")
    archive.write_bytes(damage(archive.read_bytes()))  # type: ignore[operator]

    with pytest.raises(SourceError, match=r"cut\.tar\.gz is no whole \.tar\.gz"):
        unpacked(archive, tmp_path / "cache")
