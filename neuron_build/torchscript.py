"""Saves TorchScript so that the same module is the same bytes, whatever folder it was traced in.

torch.jit.save writes beside each piece of code a .debug_pkl that says which line of which file on which
machine it was traced from, and names the archive's root after its file. Neither is read by what runs a part.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# In a folder of its own, so that it can have the name that the archive's root is to have: part/.
_WORK, _ARCHIVE = "torchscript", "part.pt"
_LEFT_OUT = (
    ".debug_pkl",
    "/.data/serialization_id",  # a hash over all records, those that are left out too
)
# Where torch puts records, so that storage can be mapped into memory (caffe2/serialize/inline_container.h).
_ALIGNMENT = 64
_LOCAL_HEADER = 30
_ZIP64_EXTRA = 20
_CHUNK = 2**22
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def save(part: torch.jit.ScriptModule, path: Path) -> None:
    """Write a part to a new file. Beside it there must be room for the same again, which is removed."""
    import torch

    work = path.parent / _WORK
    work.mkdir()
    try:
        torch.jit.save(part, str(work / _ARCHIVE))
        _copy_records(work / _ARCHIVE, path)
    finally:
        shutil.rmtree(work)


def _copy_records(source: Path, destination: Path) -> None:
    with (
        zipfile.ZipFile(source) as records,
        destination.open("xb") as file,
        zipfile.ZipFile(file, "w") as copy,
    ):
        for record in records.infolist():
            if record.filename.endswith(_LEFT_OUT):
                continue
            with records.open(record) as content, copy.open(_aligned(record, file), "w") as target:
                shutil.copyfileobj(content, target, _CHUNK)


def _aligned(record: zipfile.ZipInfo, file: IO[bytes]) -> zipfile.ZipInfo:
    """A record of the same name, stored as it is, with its content at a multiple of the alignment."""
    info = zipfile.ZipInfo(record.filename, _EARLIEST)
    info.file_size = record.file_size
    # zipfile's own rule for when it makes room for 64-bit sizes, which lie before our padding.
    zip64 = _ZIP64_EXTRA if record.file_size * 1.05 > zipfile.ZIP64_LIMIT else 0
    start = file.tell() + _LOCAL_HEADER + len(record.filename.encode()) + zip64
    padding = -start % _ALIGNMENT
    if 0 < padding < 4:  # an extra field has a head of four bytes
        padding += _ALIGNMENT
    if padding:
        info.extra = b"FB" + (padding - 4).to_bytes(2, "little") + bytes(padding - 4)
    return info
