"""Fixtures: a campaign's functions in moto, and ways to make them die."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools.metrics.provider.cloudwatch_emf import cloudwatch
from image_api import completion, front, reconciliation
from image_api.application import Application
from image_api.aws import Clients, make_clients
from image_api.jobs import Jobs
from image_api.sagemaker_async import SageMakerAsync
from image_api.settings import from_environment
from image_api.telemetry import logger
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from tests.lambda_functions.local_campaign import ENVIRONMENT, Campaign, Crash, Endpoint, create_resources


class CurrentStdout(io.TextIOBase):
    """Standard output as it is at each write: pytest changes it under the functions' logger."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)


@pytest.fixture
def printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], str]]:
    """Everything the functions have printed so far: log lines and EMF."""
    handler = logging.getLogger(logger.service).handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    output = CurrentStdout()
    before = handler.setStream(output)
    # print writes a line and its end apart. A process of Lambda serves one request at a time; threads of this
    # one serve many, and another line could come between.
    monkeypatch.setattr(cloudwatch, "print", lambda line: output.write(f"{line}\n"), raising=False)
    chunks: list[str] = []

    def read() -> str:
        chunks.append(capsys.readouterr().out)
        return "".join(chunks)

    yield read
    handler.setStream(before or sys.__stdout__)


def one_request_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every AWS request atomic; moto checks, writes, copies and sorts in steps that threads mix up."""
    lock = threading.RLock()
    process = BotocoreStubber.process_request

    def locked(stubber: BotocoreStubber, request: Any) -> Any:
        with lock:
            return process(stubber, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", locked)


@pytest.fixture(scope="session")
def clients() -> tuple[Clients, Clients]:
    """The functions' clients and the endpoint's, made once: that takes longer than most tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        return make_clients(), make_clients()


@pytest.fixture
def campaign(
    monkeypatch: pytest.MonkeyPatch, printed: Callable[[], str], clients: tuple[Clients, Clients]
) -> Iterator[Campaign]:
    """A campaign's functions on a moto of their own, with a clock that stands still until moved."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    one_request_at_a_time(monkeypatch)
    with mock_aws():
        functions, endpoints = clients
        create_resources(functions.dynamodb, functions.s3)
        endpoint = Endpoint(endpoints.s3)
        deployed = Campaign(functions.dynamodb, functions.s3, endpoint, printed)
        app = Application(
            settings=from_environment(ENVIRONMENT),
            jobs=Jobs(functions.dynamodb, "jobs"),
            backend=SageMakerAsync(functions.s3, endpoint, from_environment(ENVIRONMENT)),
            s3=functions.s3,
            now=lambda: deployed.time,
        )
        for module in (front, completion, reconciliation):
            monkeypatch.setattr(module, "_application", lambda: app)
        yield deployed


@pytest.fixture
def crash_after(campaign: Campaign) -> Callable[[int], Callable[[], None]]:
    """Make the functions die after their n-th AWS call from now on; returns how to stop that."""

    def arm(calls: int) -> Callable[[], None]:
        left = calls

        def count() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Crash

        def after_call(**_: Any) -> None:
            count()

        invoke = campaign.endpoint.invoke_endpoint_async

        def invoke_and_count(**parameters: Any) -> dict[str, str]:
            answer = invoke(**parameters)
            count()
            return answer

        campaign.endpoint.invoke_endpoint_async = invoke_and_count  # type: ignore[method-assign]
        clients = (campaign.dynamodb, campaign.s3)
        for client in clients:
            client.meta.events.register("after-call", after_call)

        def disarm() -> None:
            campaign.endpoint.invoke_endpoint_async = invoke  # type: ignore[method-assign]
            for client in clients:
                client.meta.events.unregister("after-call", after_call)

        return disarm

    return arm
