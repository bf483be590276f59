"""Bundles in the worker processes of a model server: SageMaker's toolkit, and DJL Serving."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from darkroom.sandbox.sagemaker.model_server import Worker
from darkroom.sandbox.sagemaker.worker import Answer
from tests.model_artifacts.malformed_payloads import malformed_payloads
from tests.model_artifacts.served_bundles import LOADING_SECONDS, lay_out_for_djl, worker

Payload = dict[str, Any]
Serve = Callable[[], AbstractContextManager[Worker]]


@pytest.fixture(scope="module", params=["sagemaker", "djl"])
def adapter(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def served(adapter: str, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle, laid out for the adapter."""
    if adapter == "sagemaker":
        return bundle
    return lay_out_for_djl(bundle, tmp_path_factory.mktemp("bundles") / "djl")


@pytest.fixture(scope="module")
def ready(served: Path, adapter: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker for the tests that leave it alive."""
    with worker(served, adapter, tmp_path_factory.mktemp("logs") / "worker.log") as started:
        yield started


def ask(started: Worker, payload: Payload | bytes, accept: str = "image/png") -> Answer:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return started.invoke(body, "application/json", accept, LOADING_SECONDS, die=lambda: False)


@contextmanager
def drawing(started: Worker, payload: Payload) -> Iterator[Callable[[], Answer]]:
    """Inside the block the worker draws; what is given waits for its answer."""
    answers: list[Answer] = []
    process = psutil.Process(started.pid)

    def used() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    before = used()
    asking = threading.Thread(target=lambda: answers.append(ask(started, payload)))
    asking.start()
    # Reading a request takes a millisecond; after 50 of the worker's own it is in the middle of the picture.
    while used() < before + 0.05:
        time.sleep(0.005)

    def answer() -> Answer:
        asking.join(LOADING_SECONDS)
        return answers[0]

    yield answer
    asking.join(LOADING_SECONDS)


def test_a_thousand_malformed_payloads_are_refused_and_leave_the_worker_whole(
    ready: Worker, served: Path, adapter: str, payload: Payload, tmp_path: Path
) -> None:
    for malformed in malformed_payloads(payload, 1_000, longest=2_000_000):
        answer = ask(ready, malformed)
        assert answer.status == 400, malformed[:300]
        assert "request refused: " in json.loads(answer.body)["message"]
    slow = payload | {"steps": 8, "width": 160, "height": 96}

    drawn = ask(ready, slow)

    assert (drawn.status, drawn.content_type) == (200, "image/png")
    with worker(served, adapter, tmp_path / "fresh.log") as fresh:
        # What another worker draws, though it is told to stop meanwhile.
        with drawing(fresh, slow) as answer_of_fresh:
            fresh.terminate()
        assert answer_of_fresh() == drawn
        assert fresh.leave(60) == 0


def test_a_client_of_the_containers_own_handler_need_not_change(
    ready: Worker, adapter: str, payload: Payload
) -> None:
    parameters = {"num_inference_steps": 4, "guidance_scale": 5.0, "width": 128, "height": 128, "seed": 7}
    theirs: Payload = {"prompt": payload["prompt"], "parameters": parameters}

    answer = ask(ready, theirs)

    if adapter == "djl":
        assert answer == ask(ready, payload)
    else:
        assert answer.status == 400


def test_a_client_that_takes_no_png_is_told_what_to_ask_for(ready: Worker, payload: Payload) -> None:
    answer = ask(ready, payload, accept="image/jpeg")

    assert answer.status == 400
    assert "Accept: image/png" in json.loads(answer.body)["message"]
