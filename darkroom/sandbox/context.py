"""What the sandbox's rooms share: clock, processes, faults, settings, ticks, HTTP mounts.

moto's CloudFormation models are classes that CloudFormation instantiates, so they can't be handed
the sandbox they run in: they ask for it with :func:`current`. One process plays one AWS.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from darkroom.sandbox.clock import Clock
from darkroom.sandbox.faults import Faults
from darkroom.sandbox.processes import Processes

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
Tick = Callable[[float], None]


@dataclass(frozen=True)
class Settings:
    """What the user chooses when the sandbox starts.

    Attributes:
        port: the one port of the whole local AWS, on localhost.
        instance_start_seconds: sandbox seconds from a capacity change to an instance in service,
            before the model loads (which takes the wall time it takes).
        lambda_environments: execution environments a function may have at once; further
            invocations wait (an account on one machine has little concurrency).
        state: a folder for code, models and logs of this run, removed at the end.
        verbose: log what the Lambda functions and the model workers print.
    """

    port: int
    state: Path
    instance_start_seconds: float = 60.0
    lambda_environments: int = 4
    verbose: bool = False

    @property
    def url(self) -> str:
        """The endpoint URL. With 127.0.0.1 the CDK CLI misreads template URLs; localhost works."""
        return f"http://localhost:{self.port}"


@dataclass
class Context:
    """The running sandbox, as its rooms see it."""

    settings: Settings
    clock: Clock = field(default_factory=Clock)
    processes: Processes = field(default_factory=Processes)
    faults: Faults = field(default_factory=Faults)
    mounts: dict[str, WsgiApp] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    on_stop: list[Callable[[], None]] = field(default_factory=list)
    _ticks: list[tuple[float, Tick]] = field(default_factory=list)

    def mount(self, prefix: str, app: WsgiApp) -> None:
        """Serve every path that starts with ``prefix`` (such as ``/execute-api/``) by ``app``."""
        self.mounts[prefix] = app

    def every(self, seconds: float, tick: Tick) -> None:
        """Call ``tick(moment)`` at each multiple of ``seconds`` of sandbox time.

        All ticks run on one thread, in order of their moment and then of registration, so a
        metric that is emitted for a minute is there when that minute's alarms are evaluated. When
        the clock is too fast to keep up, moments are passed late but never skipped.
        """
        self._ticks.append((seconds, tick))

    def run_ticks(self) -> None:
        """Run the ticks until the sandbox stops; the body of the ticker thread."""
        start = self.clock.now()
        due = [(start // seconds + 1) * seconds for seconds, _ in self._ticks]
        while self._ticks:
            index = min(range(len(due)), key=lambda i: (due[i], i))
            if not self.clock.wait_until(due[index], self.stopping):
                return
            seconds, tick = self._ticks[index]
            try:
                tick(due[index])
            except Exception:
                # One room's fault must not stop the others' time.
                traceback.print_exc()
            due[index] += seconds


_current: Context | None = None


def install(context: Context) -> None:
    """Make ``context`` the one that :func:`current` gives."""
    global _current
    _current = context


def current() -> Context:
    """The running sandbox."""
    if _current is None:
        raise RuntimeError("no sandbox runs in this process: start one with darkroom.sandbox.server")
    return _current
