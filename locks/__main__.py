"""``make lock``: what the requirements resolve to, every file by its hash, for every platform.

    locks/torch-cpu.txt     torch without CUDA, as PyTorch's own index has it
    locks/torch.txt         torch as PyPI has it
    locks/cuda.txt          what PyPI's builds of torch for Linux need beside it
    locks/development.txt   everything else of requirements-dev.txt
    locks/lambda.txt        the functions' layer
    constraints.txt         the same versions without hashes, for what the build's containers lack

A lock that is there is kept to: only what a changed requirement forces changes. ``make lock UPGRADE=1`` takes
the newest that the requirements allow.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "locks"
# Of PyTorch's builds without CUDA, which PyPI does not have, the ones that this was tested with, by their
# SHA-256: Python 3.11, Linux, x86-64.
CPU_BUILDS = {"2.13.0+cpu": ["6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"]}
_CUDA = re.compile(r"^(cuda-|nvidia-|triton$)")
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)")
_HEADER = "# Written by make lock (locks/__main__.py). Every file that may be installed, by its SHA-256.\n"

Entries = dict[str, str]


def main() -> int:
    """Write every lock; the exit status of the resolver."""
    parser = argparse.ArgumentParser(prog="locks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest that is allowed")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    everything = LOCKS / "everything.txt"
    parts = [LOCKS / f"{name}.txt" for name in ("torch", "cuda", "development")]
    before = {name: entry for lock in parts for name, entry in entries(lock).items()}
    _write(everything, before)
    try:
        _resolve(ROOT / "requirements-dev.txt", everything, upgrade)
        _split(entries(everything))
        _resolve(ROOT / "lambda" / "requirements.txt", LOCKS / "lambda.txt", upgrade)
        _write(LOCKS / "lambda.txt", entries(LOCKS / "lambda.txt"))
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    finally:
        everything.unlink(missing_ok=True)
    return 0


def entries(lock: Path) -> Entries:
    """A lock's packages, by name, each with its hashes; none if there is no such lock."""
    text = lock.read_text(encoding="utf-8") if lock.is_file() else ""
    found = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    return {match["name"]: entry for entry in found if (match := _ENTRY.match(entry))}


def _resolve(requirements: Path, output: Path, options: list[str]) -> None:
    """Have uv resolve for every platform and every Python that the project runs on."""
    subprocess.run(
        [
            "uv", "pip", "compile", str(requirements.relative_to(ROOT)), "--output-file", str(output),
            "--universal", "--python-version", "3.11", "--generate-hashes",
            "--no-annotate", "--no-header", "--quiet", *options,
        ],
        cwd=ROOT,
        check=True,
    )  # fmt: skip


def _split(found: Entries) -> None:
    torch = found.pop("torch")
    _write(LOCKS / "torch.txt", {"torch": torch})
    builds = {
        version: digests
        for version, digests in CPU_BUILDS.items()
        if f"=={version.partition('+')[0]} " in torch
    }
    _write(
        LOCKS / "torch-cpu.txt", {version: _entry(version, digests) for version, digests in builds.items()}
    )
    _write(LOCKS / "cuda.txt", {name: found.pop(name) for name in list(found) if _CUDA.match(name)})
    _write(LOCKS / "development.txt", found)
    pins = [entry.partition(" \\")[0] for entry in (*found.values(), torch)]
    header = "# Every package at the version this was tested with; written by make lock.\n"
    text = header + "".join(f"{pin}\n" for pin in sorted(pins, key=str.lower))
    (ROOT / "constraints.txt").write_text(text, encoding="utf-8")


def _entry(version: str, digests: list[str]) -> str:
    return " \\\n".join([f"torch=={version}", *(f"    --hash=sha256:{digest}" for digest in digests)]) + "\n"


def _write(lock: Path, found: Entries) -> None:
    lock.write_text(_HEADER + "".join(found.values()), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
