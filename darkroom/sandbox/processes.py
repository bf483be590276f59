"""Child processes that never outlive the sandbox, however it ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
# Looked up here and not in the child: between fork and exec another thread's lock on the dynamic
# linker would stay locked for ever.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_OPEN_FILES = 65536


def raise_open_file_limit() -> None:
    """Let this process hold more files open than the customary 1024: a connection is a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        # macOS refuses what is above its own limit; the customary one must do then.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _die_with_parent() -> None:
    """Run in the child before exec: ask Linux to kill it when its parent dies (prctl(2))."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Processes:
    """Starts the sandbox's children and ends them all.

    On Linux a child is killed by the kernel when the thread that started it ends, so that not even
    SIGKILL of the sandbox leaves one behind. That thread must live as long as the sandbox: all
    children are started by one.
    """

    def __init__(self) -> None:
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start ``argv`` in a session of its own, with exactly the environment ``env``."""

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                argv,
                env=dict(env),
                cwd=cwd,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

        child = self._spawner.submit(start).result()
        with self._lock:
            self._children = {known for known in self._children if known.poll() is None}
            self._children.add(child)
        return child

    def living(self) -> list[int]:
        """Process ids of the children that still run."""
        with self._lock:
            return [child.pid for child in self._children if child.poll() is None]

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """Kill ``child`` and everything in its session, and reap it."""
        # Once a child is reaped its id may be another process's.
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def kill_all(self) -> None:
        """Kill and reap every child."""
        with self._lock:
            children, self._children = self._children, set()
        for child in children:
            self.kill(child)
