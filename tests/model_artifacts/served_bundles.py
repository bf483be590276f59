"""Bundles for the model servers, and real workers that serve them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from serving.bundle import MANIFEST, describe_files, read_manifest
from serving.recipe import read_recipe

from darkroom.sandbox.processes import Processes
from darkroom.sandbox.sagemaker.container import Container
from darkroom.sandbox.sagemaker.model_server import Worker
from neuron_build.adapters import adapter_files

IMAGES = {
    "sagemaker": "1.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-inference-neuronx:tag",
    "djl": "1.dkr.ecr.us-east-1.amazonaws.com/djl-inference:tag",
}
LOADING_SECONDS = 120.0


def lay_out_for_djl(bundle: Path, folder: Path) -> Path:
    """A copy of a SageMaker toolkit's bundle with DJL Serving's adapter in the place of its own."""
    shutil.copytree(bundle, folder)
    recipe = read_recipe(folder / "code/recipe.json")
    for path in adapter_files("sagemaker", recipe):
        (folder / path).unlink()
    for path, content in adapter_files("djl", recipe).items():
        (folder / path).write_bytes(content)
    manifest = dataclasses.replace(read_manifest(folder), adapter="djl", files=describe_files(folder))
    (folder / MANIFEST).write_text(manifest.to_json())
    return folder


@contextmanager
def worker(bundle: Path, adapter: str, log: Path, **environment: str) -> Iterator[Worker]:
    """A worker process that has loaded the bundle."""
    with starting_worker(bundle, adapter, log, **environment) as started:
        started.wait_ready(LOADING_SECONDS)
        yield started


@contextmanager
def starting_worker(bundle: Path, adapter: str, log: Path, **environment: Any) -> Iterator[Worker]:
    """A worker process that has just been started."""
    processes = Processes()
    container = Container(bundle, environment, "us-east-1", IMAGES[adapter])
    started = Worker(processes, container, log)
    try:
        yield started
    finally:
        started.kill()
        processes.kill_all()
