import zipfile
from pathlib import Path

import pytest
import torch

from neuron_build.torchscript import save


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    module = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.SiLU(), torch.nn.Linear(5, 3)).eval()
    save(torch.jit.trace(module, torch.ones(1, 3)), tmp_path / "linear.pt")
    torch.save(module(torch.ones(1, 3)), tmp_path / "expected")
    return tmp_path / "linear.pt"


def test_what_is_saved_computes_the_same(saved: Path) -> None:
    loaded = torch.jit.load(str(saved))

    assert torch.equal(loaded(torch.ones(1, 3)), torch.load(saved.with_name("expected")))
    assert {path.name for path in saved.parent.iterdir()} == {"linear.pt", "expected"}


def test_no_record_says_where_it_was_made(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        names = archive.namelist()
        content = b"".join(archive.read(name) for name in names)

    assert all(name.startswith("part/") for name in names)
    assert not any(name.endswith((".debug_pkl", "serialization_id")) for name in names)
    assert Path(torch.__file__).parent.as_posix().encode() not in content


def test_records_are_where_torch_puts_them(saved: Path) -> None:
    content = saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        for record in archive.infolist():
            head = content[record.header_offset :]
            lengths = [int.from_bytes(head[at : at + 2], "little") for at in (26, 28)]
            assert (record.header_offset + 30 + sum(lengths)) % 64 == 0
