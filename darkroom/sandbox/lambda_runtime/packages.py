"""Deployment packages on disk, and the libraries that AWS's Python runtime brings along."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
import tempfile
import threading
import zipfile
from pathlib import Path

# What https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html lists as part of the runtime,
# with what those libraries need. Nothing else of the sandbox's own Python is seen by a handler, so a
# dependency that was not packaged is missed here as it would be on AWS.
_RUNTIME_MODULES = (
    "awslambdaric",
    "runtime_client",
    "simplejson",
    "snapshot_restore_py",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "dateutil",
    "six",
    "urllib3",
)

_lock = threading.Lock()


def unpack(archive: bytes, digest: str, folder: Path) -> Path:
    """Unpack a zip once under ``folder/digest``; return that folder.

    Raises:
        ValueError: ``archive`` is no zip file.
    """
    target = folder / digest
    with _lock:
        if target.exists():
            return target
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder, prefix="unpacking-"))
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as package:
                package.extractall(unfinished)
        except zipfile.BadZipFile as error:
            unfinished.rmdir()
            raise ValueError(
                f"a deployment package of {len(archive)} bytes is no zip file: {error}"
            ) from error
        unfinished.rename(target)
    return target


def runtime_libraries(folder: Path) -> Path:
    """A folder with links to the libraries of AWS's Python runtime; made once.

    Raises:
        RuntimeError: one of them is not installed beside the sandbox.
    """
    with _lock:
        if folder.exists():
            return folder
        folder.mkdir(parents=True)
        for module in _RUNTIME_MODULES:
            spec = importlib.util.find_spec(module)
            if spec is None or spec.origin is None:
                raise RuntimeError(
                    f"{module} is not installed beside the sandbox: install requirements-sandbox.txt"
                )
            source = Path(spec.origin)
            if source.name == "__init__.py":
                source = source.parent
            (folder / source.name).symlink_to(source)
    return folder


def python_path(task_root: Path, layers: list[Path], runtime: Path) -> str:
    """PYTHONPATH in Lambda's order: the function's code, its layers, the runtime's own libraries.

    A later layer wins over an earlier one, as it is laid over it in /opt.
    """
    site_packages = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    paths = [task_root]
    for layer in reversed(layers):
        paths += [layer / "python" / site_packages, layer / "python"]
    return os.pathsep.join(str(path) for path in [*paths, runtime])
