"""Builds in processes of their own: killed, interrupted, failing, short of memory."""

import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from serving.bundle import read_manifest

from neuron_build.build import BuildError, Event, compile_parts
from neuron_build.digests import Digests
from neuron_build.package import Options
from neuron_build.parts_store import PartsStore
from neuron_build.plan import Plan, find_recipe, plan_parts
from neuron_build.sources.source import open_source

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plan(options: Options) -> Plan:
    recipe = find_recipe("tiny-sd15", options.sizes)
    digests = Digests()
    source = open_source(None, recipe, options.cache / ".sources", digests, lambda _: None)
    return plan_parts(recipe, source, compiler_name="cpu", target=None, digests=digests)


SMALL = ("tiny-sd15", "--size", "64x64", "--jobs", "2")
# Eleven parts one after the other: seconds, where the small one may be done before a signal gets there.
LONG = ("tiny-sdxl", "--jobs", "1")


def start(cache: Path, output: Path, root: Path = ROOT, what: Sequence[str] = SMALL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "neuron_build", "package", *what, "--cache", cache, "--output", output],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished_parts(cache: Path) -> set[str]:
    return {path.parent.name for path in cache.glob("*/record.json")}


def wait(condition: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def processes_that_use(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "open_files"]):
        paths = [file.path for file in process.info["open_files"] or []]
        if any(str(folder) in path for path in paths):
            found.append(process)
    return found


def _are_finished(cache: Path, least: int) -> bool:
    return len(finished_parts(cache)) >= least


def test_a_build_killed_at_any_point_goes_on_to_the_same_bundle(built: Path, tmp_path: Path) -> None:
    cache, moments = tmp_path / "parts", random.Random(20261122)  # noqa: S311
    for parts_before in (0, 2):
        build = start(cache, tmp_path / "out")
        wait(functools.partial(_are_finished, cache, parts_before))
        time.sleep(moments.uniform(0, 1))
        build.kill()
        build.communicate()
        kept = finished_parts(cache)
        assert len(kept) >= parts_before
        wait(lambda: not processes_that_use(cache), 300)  # its children went with it

    build = start(cache, tmp_path / "out")
    said, _ = build.communicate(timeout=900)
    assert build.returncode == 0, said
    assert said.count("compiled ") == 4 - len(kept)
    assert read_manifest(tmp_path / "out/tiny-sd15").digest == read_manifest(built).digest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_takes_its_compilers_with_it(number: signal.Signals, tmp_path: Path) -> None:
    cache = tmp_path / "parts"
    build = start(cache, tmp_path / "out", what=LONG)
    wait(lambda: bool(list(cache.glob(".work/*/compiler.log"))) or build.poll() is not None)
    build.send_signal(number)
    said, _ = build.communicate(timeout=300)

    assert build.returncode != 0, said
    assert not list(cache.glob(".work/*"))
    assert not (tmp_path / "out/tiny-sdxl").exists()
    wait(lambda: not processes_that_use(cache), 300)


def test_another_checkout_compiles_the_same_bytes(built: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "elsewhere" / "darkroom"
    for name in ("neuron_build", "model_artifacts"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))

    build = start(tmp_path / "parts", tmp_path / "out", checkout)
    said, _ = build.communicate(timeout=900)
    assert build.returncode == 0, said
    for part in (built / "parts").iterdir():
        assert (tmp_path / "out/tiny-sd15/parts" / part.name).read_bytes() == part.read_bytes(), part.name
    assert read_manifest(tmp_path / "out/tiny-sd15").digest == read_manifest(built).digest
    assert str(ROOT).encode() not in b"".join(part.read_bytes() for part in (built / "parts").iterdir())


def test_a_part_that_fails_is_named_with_its_last_lines_and_the_others_are_kept(
    plan: Plan, tmp_path: Path
) -> None:
    broken = next(part for part in plan.parts if part.name == "unet-64x64")
    component = replace(broken.component, class_name="NoSuchModel")
    parts = tuple(replace(part, component=component) if part is broken else part for part in plan.parts)
    store, events = PartsStore(tmp_path / "parts"), list[Event]()

    with pytest.raises(BuildError, match=r"(?s)compiling unet-64x64 ended with exit code 1.*NoSuchModel"):
        compile_parts(replace(plan, parts=parts), store, jobs=2, observe=events.append)

    compiled = {event.part for event in events if event.kind == "compiled"}
    assert {part.name for part in parts if store.find(part.address)} == compiled
    assert [event.part for event in events if event.kind == "failed"] == ["unet-64x64"]
    assert not list((tmp_path / "parts/.work").glob("*"))


def test_a_part_that_needs_more_memory_than_there_is_is_refused_before_anything_runs(
    plan: Plan, tmp_path: Path
) -> None:
    parts = tuple(
        replace(part, host_memory_gib=35) if part.name == "unet-64x64" else part for part in plan.parts
    )
    events = list[Event]()

    with pytest.raises(BuildError, match=r"unet-64x64 needs 35 GiB, and 22\.5 GiB are free"):
        compile_parts(
            replace(plan, parts=parts),
            PartsStore(tmp_path),
            jobs=2,
            observe=events.append,
            memory=lambda: 22.5,
        )
    assert events == []


def test_where_memory_is_for_one_part_they_are_compiled_one_after_the_other(
    plan: Plan, tmp_path: Path
) -> None:
    two = replace(plan, parts=tuple(part for part in plan.parts if part.compiled.part.startswith("vae")))
    events = list[Event]()

    compile_parts(two, PartsStore(tmp_path), jobs=2, observe=events.append, memory=lambda: 1.5)
    assert [event.kind for event in events] == ["started", "compiled"] * 2


def test_what_a_killed_build_left_half_written_is_never_taken_for_a_part(plan: Plan, tmp_path: Path) -> None:
    store = PartsStore(tmp_path)
    address = plan.parts[0].address
    for half in ({}, {"record.json": "{"}, {"part.pt": "x"}):
        shutil.rmtree(tmp_path / address, ignore_errors=True)
        (tmp_path / address).mkdir()
        for name, content in half.items():
            (tmp_path / address / name).write_text(content)
        assert store.find(address) is None
    record = {"file": {"sha256": "0" * 64, "bytes": 2}, "seconds": 1.0, "peak_gib": 1.0}
    (tmp_path / address / "record.json").write_text(json.dumps(record))
    assert store.find(address) is None  # the part is cut off
