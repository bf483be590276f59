"""One local AWS for the tests of the process and of CloudFormation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from darkroom.sandbox.process import SandboxProcess

Client = Callable[[str], Any]


@pytest.fixture(scope="session")
def local_aws() -> Iterator[SandboxProcess]:
    """A running sandbox, shared by tests that leave it as they found it."""
    with SandboxProcess() as process:
        yield process


@pytest.fixture(scope="session")
def client(local_aws: SandboxProcess) -> Client:
    """Makes boto3 clients of the shared sandbox."""
    return local_aws.client
