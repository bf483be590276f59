"""The project's code as a build's jobs get it: files below one prefix, an input channel of each job."""

from __future__ import annotations

import hashlib
from pathlib import Path

import aws_cdk as cdk

from stacks.bundle_assets import publish_files

REPOSITORY = Path(__file__).resolve().parents[1]
# What the jobs' commands are and need; training/ where there is one.
FOLDERS = ("model_build", "neuron_build", "model_artifacts", "training")
FILES = ("constraints.txt",)


def publish_code(stack: cdk.Stack, root: Path = REPOSITORY) -> tuple[str, str]:
    """Publish the code under its own digest; the bucket and the prefix, with a slash at its end."""
    files = [(path.relative_to(root).as_posix(), _sha256(path), path) for path in code_files(root)]
    digest = hashlib.sha256("\n".join(f"{name} {sha256}" for name, sha256, _ in files).encode()).hexdigest()
    return publish_files(stack, files, prefix=f"code/{digest}", name="code")


def code_files(root: Path = REPOSITORY) -> list[Path]:
    """The files that are published, in the order of their names within each folder."""
    paths = [root / name for name in FILES]
    for folder in FOLDERS:
        paths += sorted(path for path in (root / folder).rglob("*") if _is_source(path))
    return paths


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
