"""Every dependency is pinned to files by their hashes, and the pins resolve."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "locks"
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")
UNREACHABLE = ("name resolution", "NewConnectionError", "ConnectTimeoutError", "timed out")


def locked(*names: str) -> dict[str, tuple[Requirement, list[str]]]:
    """The packages of some locks, by name: the requirement and its hashes."""
    found: dict[str, tuple[Requirement, list[str]]] = {}
    for name in names:
        text = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
        for entry in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]:
            requirement = Requirement(entry.partition("\\")[0].strip())
            found[canonicalize_name(requirement.name)] = (requirement, HASH.findall(entry))
    return found


def required(path: Path) -> list[Requirement]:
    """What a requirements file asks for, and those that it names."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            found += required(path.parent / text.removeprefix("-r "))
        elif text:
            found.append(Requirement(text))
    return found


EVERYTHING = ("torch", "cuda", "development")


@pytest.mark.parametrize(
    ("requirements", "locks"),
    [("requirements-dev.txt", EVERYTHING), ("lambda/requirements.txt", ("lambda",))],
)
def test_every_requirement_is_pinned_exactly_and_locked_in_that_version(
    requirements: str, locks: tuple[str, ...]
) -> None:
    asked, found = required(ROOT / requirements), locked(*locks)
    assert asked
    for requirement in asked:
        (pin,) = requirement.specifier
        assert pin.operator == "==", requirement
        lock, _ = found[canonicalize_name(requirement.name)]
        assert str(lock.specifier) == str(pin), f"run make lock: {requirement} is locked as {lock}"


def test_every_locked_package_has_one_version_and_a_hash() -> None:
    every = locked(*EVERYTHING)
    assert len(every) > 100
    for lock in (every, locked("lambda"), locked("torch-cpu")):
        for requirement, hashes in lock.values():
            assert [each.operator for each in requirement.specifier] == ["=="], requirement
            assert hashes, requirement


def test_what_runs_in_lambda_is_what_is_tested() -> None:
    tested = locked(*EVERYTHING)
    for name, (requirement, hashes) in locked("lambda").items():
        assert str(requirement.specifier) == str(tested[name][0].specifier)
        assert hashes == tested[name][1]


def test_the_versions_without_hashes_are_those_of_the_locks() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {str(Requirement(line)) for line in lines if not line.startswith("#")}
    assert pins == {str(requirement) for requirement, _ in locked("torch", "development").values()}


def test_torch_without_cuda_is_the_same_version() -> None:
    (cpu, _), (plain, _) = locked("torch-cpu")["torch"], locked("torch")["torch"]
    assert str(cpu.specifier) == f"{plain.specifier}+cpu"


def test_the_packages_installed_here_are_those_of_the_locks() -> None:
    import importlib.metadata

    here: dict[str, str] = {
        canonicalize_name(each.metadata["Name"]): each.version for each in importlib.metadata.distributions()
    }
    for name, (requirement, _) in locked(*EVERYTHING).items():
        if name in here and name != "setuptools":
            version = here[name].partition("+")[0]
            assert requirement.specifier.contains(version), f"{name} {version} is not {requirement}"


def test_the_functions_pins_resolve_to_files_with_those_hashes(tmp_path: Path) -> None:
    """As make setup installs the layer; the whole lock is resolved by every make setup itself."""
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--dry-run", "--require-hashes", "--no-deps",
            "--only-binary=:all:", "--no-cache-dir", "--retries=1", "--timeout=30", "--ignore-installed",
            "--target", str(tmp_path), "-r", str(LOCKS / "lambda.txt"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    if any(sign in done.stderr for sign in UNREACHABLE):
        pytest.skip("no package index can be reached: whether the pins resolve is seen where one can")
    assert done.returncode == 0, done.stderr
    assert "Would install" in done.stdout


def test_a_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    other = HASH.sub(lambda _: f"--hash=sha256:{'0' * 64}", (LOCKS / "lambda.txt").read_text())
    lock.write_text(other, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--dry-run", "--require-hashes", "--no-deps",
            "--no-cache-dir", "--retries=1", "--timeout=30", "--ignore-installed", "-r", str(lock),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    if any(sign in done.stderr for sign in UNREACHABLE):
        pytest.skip("no package index can be reached: whether a hash is checked is seen where one can")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_every_npm_package_is_locked_with_its_integrity() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    others = {path: package for path, package in packages.items() if path and not package.get("link")}
    assert others
    for path, package in others.items():
        algorithm, _, digest = package["integrity"].partition("-")
        assert algorithm == "sha512", path
        assert len(base64.b64decode(digest)) == 64, path
