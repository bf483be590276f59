"""A sandbox with the CDK bootstrap, and the demo campaign deployed to it by the real CDK CLI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import SandboxProcess
from darkroom.sandbox.processes import raise_open_file_limit
from tests.e2e.deployment import Deployment

# The files that take longest: begun first, or all wait for one of them at the end.
_LONGEST = ("test_teardown_end_to_end.py", "test_faults_on_the_way.py", "test_realtime_end_to_end.py")


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest (``--no-loadscope-reorder``)."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)
