import hashlib
import os
from pathlib import Path

import pytest

from neuron_build.digests import Digests, remembered_digests


def settle(path: Path) -> None:
    """Make a file old enough to be remembered."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


def test_an_untouched_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"w")
    settle(file)
    with remembered_digests(tmp_path / "known") as digests:
        first = digests.sha256(file)
    assert first == hashlib.sha256(b"w").hexdigest()

    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("it was read again"))
    with remembered_digests(tmp_path / "known") as digests:
        assert digests.sha256(file) == first


def test_a_file_that_changed_its_size_time_or_inode_is_read_again(tmp_path: Path) -> None:
    file, digests = tmp_path / "weights", Digests()
    file.write_bytes(b"one")
    settle(file)
    digests.sha256(file)

    other = tmp_path / "other"
    other.write_bytes(b"two")
    settle(other)  # same size and time, another inode
    other.replace(file)
    assert digests.sha256(file) == hashlib.sha256(b"two").hexdigest()


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    file, digests = tmp_path / "weights", Digests()
    file.write_bytes(b"one")
    status = file.stat()
    digests.sha256(file)

    file.write_bytes(b"two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as within one tick of the clock
    assert digests.sha256(file) == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}'])
def test_a_damaged_memory_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "known").write_text(content)
    (tmp_path / "file").write_bytes(b"x")

    with remembered_digests(tmp_path / "known") as digests:
        assert digests.sha256(tmp_path / "file") == hashlib.sha256(b"x").hexdigest()
