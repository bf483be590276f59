"""A model server's worker needs no network: it loads, warms up and draws with every connection refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from darkroom.sandbox.processes import Processes
from darkroom.sandbox.sagemaker.container import Container
from darkroom.sandbox.sagemaker.model_server import Worker

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / ".build" / "bundles" / "tiny-sdxl"
REQUEST: dict[str, Any] = {
    "prompt": "a blue circle",
    "negative_prompt": "",
    "seed": 1,
    "steps": 1,
    "guidance_scale": 0.0,
    "width": 128,
    "height": 128,
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


def test_a_worker_loads_the_bundle_and_draws_without_a_connection(log: Path) -> None:
    processes = Processes()
    try:
        worker = Worker(processes, Container(BUNDLE, {}, "us-east-1", isolated=True), log)
        worker.wait_ready(120)
        body = json.dumps(REQUEST).encode()
        answer = worker.invoke(body, "application/json", "image/png", 120, die=lambda: False)
    finally:
        processes.kill_all()
    assert answer.status == 200, log.read_text()
    assert answer.body.startswith(b"\x89PNG")
    assert "network isolation" not in log.read_text()


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.getaddrinfo('huggingface.co', 443)",
        "urllib.request.urlopen('https://huggingface.co')",
    ],
)
def test_an_isolated_worker_that_tries_to_connect_is_refused(attempt: str, tmp_path: Path, log: Path) -> None:
    """The test above can fail: what it forbids is noticed."""
    code = tmp_path / "code"
    code.mkdir()
    lines = ["import socket, urllib.request", "def model_fn(model_dir):", f"    {attempt}"]
    (code / "inference.py").write_text("\n".join([*lines, "def predict_fn(data, model): pass"]))
    script = ROOT / "darkroom" / "sandbox" / "sagemaker" / "worker.py"
    done = subprocess.run(
        [sys.executable, "-P", str(script), "toolkit", "isolated"],
        env={"SM_MODEL_DIR": str(tmp_path), "SAGEMAKER_PROGRAM": "inference.py"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"network isolation" in done.stderr
    assert b'"status": "failed"' in done.stdout
