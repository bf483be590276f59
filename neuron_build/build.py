"""Compiles the parts of a plan that the store lacks: each in a process, as many at once as fit."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Literal

from serving.bundle import BundleFile

from neuron_build.digests import Digests
from neuron_build.host_memory import free_gib
from neuron_build.part_process_entry import LOG, MEASURED, run
from neuron_build.parts_store import PART, PartsStore, StoredPart
from neuron_build.plan import Plan, PlannedPart
from neuron_build.processes import process_context

_LAST_LINES = 20


class BuildError(Exception):
    """Parts that could not be compiled: which, and why. Those that were are kept."""


@dataclass(frozen=True)
class Event:
    """What happens to a part: it was there already, its compilation starts, ends, or fails."""

    kind: Literal["kept", "started", "compiled", "failed"]
    part: str
    seconds: float = 0.0
    peak_gib: float = 0.0


Observer = Callable[[Event], None]


def compile_parts(
    plan: Plan,
    store: PartsStore,
    *,
    jobs: int,
    observe: Observer,
    waiting: Callable[[], None] = lambda: None,
    memory: Callable[[], float] = free_gib,
) -> dict[str, StoredPart]:
    """The parts of a plan by their names, all in the store. Must be called in the main thread of a process
    whose __main__ can be imported without doing anything: the parts' processes import it.

    Args:
        jobs: the most parts to compile at once.
        observe: told of each part as things happen to it.
        waiting: called if another build uses the store.
        memory: GiB that may be taken.

    Raises:
        BuildError: a part needs more memory than there is, or failed; with the last lines its compiler wrote.
    """
    if not _missing(plan, store):  # without the lock: nothing is written
        for part in plan.parts:
            observe(Event("kept", part.name))
        return _all(plan, store)
    with store.alone(waiting):
        missing = _missing(plan, store)
        for part in plan.parts:
            if part not in missing:
                observe(Event("kept", part.name))
        # The largest first: what is left for the end then fits side by side.
        queue = sorted(missing, key=lambda part: -part.host_memory_gib)
        _refuse_what_never_fits(queue, memory())
        _Workers(store, jobs, observe, memory).compile(queue)
    return _all(plan, store)


def _missing(plan: Plan, store: PartsStore) -> list[PlannedPart]:
    return [part for part in plan.parts if store.find(part.address) is None]


def _all(plan: Plan, store: PartsStore) -> dict[str, StoredPart]:
    found = {part.name: store.find(part.address) for part in plan.parts}
    gone = [name for name, part in found.items() if part is None]
    if gone:
        raise BuildError(f"{', '.join(gone)} vanished from {store.folder} during the build: start it again")
    return {name: part for name, part in found.items() if part is not None}


def _refuse_what_never_fits(parts: list[PlannedPart], free: float) -> None:
    large = [part for part in parts if part.host_memory_gib > free]
    if large:
        needs = ", ".join(f"{part.name} needs {part.host_memory_gib:g} GiB" for part in large)
        raise BuildError(
            f"not enough memory: {needs}, and {free:.1f} GiB are free here. Compile on a host or in a "
            "container with more, or end what else runs here; parts that were compiled are kept"
        )


@dataclass
class _Running:
    part: PlannedPart
    process: ForkServerProcess
    workshop: Path


@dataclass
class _Workers:
    """Processes at work; all are gone, and their compilers' too, when compile returns or raises."""

    store: PartsStore
    jobs: int
    observe: Observer
    memory: Callable[[], float]
    running: list[_Running] = field(default_factory=list)

    def compile(self, queue: list[PlannedPart]) -> None:
        context = process_context()
        waiting, failures, budget = list(queue), list[str](), self.memory()
        with self._ending_all():
            while self.running or (waiting and not failures):
                if not self.running:
                    budget = self.memory()
                    _refuse_what_never_fits(waiting[:1], budget)
                while waiting and not failures and self._fits(waiting, budget):
                    self._start(context, waiting)
                ended = connection.wait([one.process.sentinel for one in self.running])
                for one in [one for one in self.running if one.process.sentinel in ended]:
                    self.running.remove(one)
                    failures += self._end(one)
        if failures:
            raise BuildError("\n".join(failures))

    def _fits(self, waiting: list[PlannedPart], budget: float) -> bool:
        """Bring the first part that fits to the front."""
        if len(self.running) >= self.jobs:
            return False
        free = budget - sum(one.part.host_memory_gib for one in self.running)
        fitting = next((part for part in waiting if part.host_memory_gib <= free), None)
        if fitting is None:
            return False
        waiting.remove(fitting)
        waiting.insert(0, fitting)
        return True

    def _start(self, context: ForkServerContext, waiting: list[PlannedPart]) -> None:
        part = waiting.pop(0)
        workshop = self.store.workshop(part.name)
        threads = max(1, (os.cpu_count() or 1) // self.jobs)
        process = context.Process(target=run, args=(part, workshop, threads))
        process.start()
        self.running.append(_Running(part, process, workshop))
        self.observe(Event("started", part.name))

    def _end(self, one: _Running) -> list[str]:
        """Take in what a process made, or say why it made nothing."""
        one.process.join()
        _kill_group(one.process)  # what a compiler that crashed left running
        if one.process.exitcode != 0:
            self.observe(Event("failed", one.part.name))
            return [_failure(one)]
        seconds, peak = map(float, (one.workshop / MEASURED).read_text().split())
        file = one.workshop / PART
        described = BundleFile(sha256=Digests().sha256(file), bytes=file.stat().st_size)
        for rest in one.workshop.iterdir():
            if rest != file:
                shutil.rmtree(rest) if rest.is_dir() else rest.unlink()
        self.store.add(one.part.address, one.workshop, StoredPart(described, seconds, peak))
        self.observe(Event("compiled", one.part.name, seconds, peak))
        return []

    @contextlib.contextmanager
    def _ending_all(self) -> Iterator[None]:
        try:
            yield
        finally:
            for one in self.running:
                _kill_group(one.process)
                one.process.kill()  # if it has only just been forked, it leads no group yet
                one.process.join()
            self.running.clear()


def _kill_group(process: ForkServerProcess) -> None:
    """End the processes that a part's process leads, see part_process."""
    if process.pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _failure(one: _Running) -> str:
    code = one.process.exitcode or 0
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if code == -signal.SIGKILL:
        how += ", as the system does with what takes too much memory"
    try:
        lines = (one.workshop / LOG).read_text(errors="replace").splitlines()[-_LAST_LINES:]
    except FileNotFoundError:
        lines = []
    said = "\n".join(f"  | {line}" for line in lines) or "  | (it wrote nothing)"
    return f"compiling {one.part.name} {how}. The last it wrote:\n{said}"
