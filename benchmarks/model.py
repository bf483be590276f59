"""Serving and building a model: the denoising loop, loading, a rebuild, a build in parallel."""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ratio import Ratio, from_pairs, measure
from neuron_build.digests import Digests
from neuron_build.package import CACHE, package
from neuron_build.plan import find_recipe
from neuron_build.sources.source import open_source

REPOSITORY = Path(__file__).resolve().parent.parent
_BUNDLES = REPOSITORY / ".build" / "bundles"
_RECIPE = "tiny-sdxl"
_STEPS = 8
_SIZE = (128, 128)
_GUIDANCE = 2.5

# Both print seconds and MiB of a process that has done nothing else, imports included: that is what a
# worker's start takes. Then MiB at the import of torch, which both need. argv: the folder to load.
# VmHWM, not ru_maxrss: a process inherits that from the one that started it (getrusage(2), proc(5)).
_TORCH = """
import re, sys, time; start = time.perf_counter()
def most(): return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
import torch
with_torch = most()
"""
_LOAD_BUNDLE = """
sys.path.insert(0, "model_artifacts")
from pathlib import Path
from serving.pipeline import load_pipeline
pipeline = load_pipeline(Path(sys.argv[1]))
"""
_LOAD_DIFFUSERS = """
from diffusers import StableDiffusionXLPipeline
pipeline = StableDiffusionXLPipeline.from_pretrained(
    sys.argv[1], local_files_only=True, use_safetensors=True, add_watermarker=False)
"""
_MEASURE = """
import json
seconds = time.perf_counter() - start
print(json.dumps([seconds, most(), with_torch]))
"""
_Load = tuple[float, float, float]


@dataclass(frozen=True)
class Rebuild:
    """Median seconds of a build that finds everything as it was."""

    seconds: float
    rounds: int
    goal: float


def serving_over_bare_loop() -> Ratio:
    """What serving does for a picture over the same compiled parts called one after the other by hand."""
    from serving.image_request import ImageRequest
    from serving.pipeline import draw, load_pipeline

    pipeline = load_pipeline(_bundle())
    request = ImageRequest("a red circle", "", 1, _STEPS, _GUIDANCE, *_SIZE)
    return measure(
        "serving a picture over a bare loop over its compiled parts",
        lambda: draw(pipeline, request),
        lambda: _bare_loop(pipeline, request),
        goal=1.05,
        rounds=30,
        warm_up=3,
    )


def _bare_loop(pipeline: Any, request: Any) -> object:
    """The least that draws a picture: text, denoising steps, decoder, pixels."""
    import torch
    from PIL import Image

    with torch.inference_mode():
        conditions = pipeline.family.condition(pipeline, request, True)
        unet, decoder = pipeline.parts["unet-128x128"], pipeline.parts["vae_decoder-128x128"]
        post_quant_conv = pipeline.parts["vae_post_quant_conv-128x128"]
        scheduler = pipeline.scheduler.start(_STEPS)
        noise = torch.randn((1, 4, 16, 16), generator=torch.Generator().manual_seed(1))
        latents = noise * scheduler.init_noise_sigma
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(torch.cat([latents, latents]), timestep)
            (both,) = unet(scaled, timestep.expand(2), *conditions)
            negative, positive = both.chunk(2)
            prediction = negative + _GUIDANCE * (positive - negative)
            latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
        (latents,) = post_quant_conv(latents / pipeline.vae["scaling_factor"])
        (pixels,) = decoder(latents)
        levels = (pixels[0] / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
        return Image.fromarray(levels.permute(1, 2, 0).numpy())


def loading_time() -> Ratio:
    """A bundle's pipeline over the full diffusers pipeline of its source: seconds to the loaded model."""
    pairs = [(ours[0], full[0]) for ours, full in _loads()]
    return from_pairs("loading a bundle over the full diffusers pipeline", pairs, goal=0.5)


def loading_memory() -> Ratio:
    """The same processes' most resident memory, beyond what the import of torch took of it."""
    pairs = [(ours[1] - ours[2], full[1] - full[2]) for ours, full in _loads()]
    return from_pairs("peak memory of the same, beyond `import torch`", pairs, goal=0.5, unit="MiB")


def process_memory() -> Ratio:
    """The same processes' most resident memory, all of it: of a model so small most is torch."""
    pairs = [(ours[1], full[1]) for ours, full in _loads()]
    return from_pairs("peak memory of the same, torch included", pairs, goal=None, unit="MiB")


@functools.cache
def _loads(rounds: int = 5) -> list[tuple[_Load, _Load]]:
    """Seconds and MiB of each, in turn in fresh processes, after a round that fills the disk's cache."""
    bundle, source = _bundle(), _source()
    turns = [(_load(_LOAD_BUNDLE, bundle), _load(_LOAD_DIFFUSERS, source)) for _ in range(rounds + 1)]
    return turns[1:]


def _load(code: str, folder: Path) -> _Load:
    finished = subprocess.run(
        [sys.executable, "-c", _TORCH + code + _MEASURE, str(folder)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, most, with_torch = json.loads(finished.stdout.splitlines()[-1])
    return seconds, most, with_torch


def rebuild(rounds: int = 5) -> Rebuild:
    """`python -m neuron_build package` where nothing changed, the start of Python included."""
    _bundle()
    taken = [_build("package", "--output", str(_BUNDLES)) for _ in range(rounds + 1)][1:]
    return Rebuild(statistics.median(taken), rounds, goal=3)


def parallel_build() -> Ratio:
    """All parts of the tiny model compiled two at a time over one at a time, each from nothing."""
    source = str(_source())
    pairs = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            arguments = ("compile", "--source", source)
            pairs.append(
                (
                    _build(*arguments, "--cache", two, "--jobs", "2"),
                    _build(*arguments, "--cache", one, "--jobs", "1"),
                )
            )
    return from_pairs("building with two jobs over one", pairs, goal=None)


def _build(command: str, *arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "neuron_build", command, _RECIPE, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - start


def _bundle() -> Path:
    package(_RECIPE, _BUNDLES, lambda _: None)
    return _BUNDLES / _RECIPE


def _source() -> Path:
    return open_source(None, find_recipe(_RECIPE), CACHE / ".sources", Digests(), lambda _: None).folder
