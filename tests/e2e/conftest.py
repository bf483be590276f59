"""A sandbox with the CDK bootstrap, and the demo campaign deployed to it by the real CDK CLI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import SandboxProcess
from darkroom.sandbox.processes import raise_open_file_limit
from tests.e2e.deployment import Deployment


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    """One local AWS for all end-to-end tests that can share it."""
    raise_open_file_limit()  # a thousand requests at once are a thousand connections here, too
    with SandboxProcess(speed=20, instance_start_seconds=20) as process:
        Cdk(process).bootstrap()
        yield process


@pytest.fixture(scope="session")
def demo(sandbox: SandboxProcess) -> Deployment:
    """campaigns/demo.yaml, deployed."""
    Cdk(sandbox).deploy("demo/*", campaign="demo")
    return Deployment(sandbox, "demo")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one process run what shares a sandbox: the tests of a file, those with the demo, those beside it.

    For ``--dist loadgroup``: a second demo in a second sandbox would cost half a minute of a processor.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            used = getattr(item, "fixturenames", ())
            shared = next((name for name in ("demo", "sandbox") if name in used), item.path.name)
            item.add_marker(pytest.mark.xdist_group(shared))
