"""One local AWS for the tests of the process and of CloudFormation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from darkroom.sandbox.process import REGION, SandboxProcess

Client = Callable[[str], Any]


@pytest.fixture(scope="session")
def local_aws() -> Iterator[SandboxProcess]:
    """A running sandbox, shared by tests that leave it as they found it."""
    with SandboxProcess() as process:
        yield process


@pytest.fixture(scope="session")
def client(local_aws: SandboxProcess) -> Client:
    """Makes boto3 clients of the shared sandbox."""

    def make(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=local_aws.url,
            region_name=REGION,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )

    return make
