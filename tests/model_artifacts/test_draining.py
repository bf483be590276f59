"""SIGTERM in real worker processes, whose model sleeps instead of drawing."""

from __future__ import annotations

import json
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest

from darkroom.sandbox.sagemaker.model_server import Worker, WorkerStartError, WorkerStoppedError
from darkroom.sandbox.sagemaker.worker import Answer
from neuron_build.adapters import MODEL_ARTIFACTS
from tests.eventually import eventually
from tests.model_artifacts.served_bundles import starting_worker

TOOLKIT = """
import json, os, pathlib, time
from serving.draining import drain

def model_fn(model_dir):
    drain.install()
    pathlib.Path("loading").touch()
    time.sleep(float(os.environ["LOADING"]))

def input_fn(body, content_type):
    drain.begin()
    pathlib.Path("begun").touch()
    return json.loads(body)

def predict_fn(data, model):
    end = time.monotonic() + data
    while time.monotonic() < end:
        time.sleep(0.01)
    return b"drawn"

def output_fn(prediction, accept):
    drain.end()
    return prediction, "image/png"
"""

DJL = """
import json, os, pathlib, time
from djl_python import Input, Output
from serving.draining import drain

def handle(inputs: Input) -> Output:
    if inputs.is_empty():
        drain.install()
        pathlib.Path("loading").touch()
        time.sleep(float(os.environ["LOADING"]))
        return None
    drain.begin()
    pathlib.Path("begun").touch()
    time.sleep(inputs.get_as_json())
    output = Output().add_property("content-type", "image/png").add(b"drawn")
    return output.finalize(lambda: drain.end(answered=True))
"""

FILES = {
    "sagemaker": {"code/inference.py": TOOLKIT},
    "djl": {"model.py": DJL, "serving.properties": "engine=Python\noption.entryPoint=model.py\n"},
}


@pytest.fixture(params=sorted(FILES))
def adapter(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def sleeping(adapter: str, tmp_path: Path) -> Path:
    """A folder whose handler takes as many seconds as it is asked to, and follows SIGTERM."""
    for path, text in FILES[adapter].items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def start(folder: Path, adapter: str, *, loading: float = 0.0) -> AbstractContextManager[Worker]:
    return starting_worker(
        folder, adapter, folder / "worker.log", PYTHONPATH=str(MODEL_ARTIFACTS), LOADING=str(loading)
    )


def ask(worker: Worker, seconds: float) -> Answer:
    return worker.invoke(
        json.dumps(seconds).encode(), "application/json", "image/png", 60.0, die=lambda: False
    )


def status_of(worker: Worker) -> int | None:
    """The exit status of a worker that ends of its own accord: its channel stays open."""
    return int(psutil.Process(worker.pid).wait(20))


def test_what_runs_is_finished_and_answered_and_then_the_worker_ends(sleeping: Path, adapter: str) -> None:
    answers: list[Answer] = []
    with start(sleeping, adapter) as worker:
        worker.wait_ready(60)
        asking = threading.Thread(target=lambda: answers.append(ask(worker, 0.7)))
        asking.start()
        eventually((sleeping / "begun").exists, "the request to begin", seconds=30)

        worker.terminate()

        assert status_of(worker) == 0
        asking.join(20)
    assert [(answer.status, answer.content_type, answer.body) for answer in answers] == [
        (200, "image/png", b"drawn")
    ]


def test_a_worker_that_waits_ends_and_begins_nothing_new(sleeping: Path, adapter: str) -> None:
    with start(sleeping, adapter) as worker:
        worker.wait_ready(60)
        assert ask(worker, 0.0).body == b"drawn"

        worker.terminate()

        with pytest.raises(WorkerStoppedError):
            ask(worker, 0.0)
        assert status_of(worker) == 0


def test_a_worker_whose_server_ends_first_ends_with_it(sleeping: Path, adapter: str) -> None:
    # Ending takes longer than the worker would have waited by itself, as it does with torch.
    code = next(sleeping / path for path in FILES[adapter] if path.endswith(".py"))
    late = (
        "import sys, time\n"
        "class Late:\n"
        "    def __del__(self, sleep=time.sleep):\n"
        "        sleep(1.5)\n"
        "sys.late = Late()\n"
    )
    code.write_text(late + code.read_text())
    with start(sleeping, adapter) as worker:
        worker.wait_ready(60)

        worker.terminate()

        assert worker.leave(30) == 0


def test_a_request_that_came_with_sigterm_is_answered_with_the_reason(sleeping: Path, adapter: str) -> None:
    with start(sleeping, adapter) as worker:
        worker.wait_ready(60)
        # Past the sandbox's own care for this: a model server may have read a request when the signal comes.
        psutil.Process(worker.pid).terminate()
        time.sleep(0.2)

        answer = ask(worker, 0.0)

        assert answer.status >= 400
        assert b"this worker is being stopped: ask again" in answer.body
        assert b"request refused" not in answer.body
        assert status_of(worker) == 0


def test_a_worker_that_loads_does_not_load_on(sleeping: Path, adapter: str) -> None:
    with start(sleeping, adapter, loading=60.0) as worker:
        eventually((sleeping / "loading").exists, "the model to load", seconds=30)

        worker.terminate()

        with pytest.raises(WorkerStartError, match="ended with status 0"):
            worker.wait_ready(30)
