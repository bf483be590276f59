"""Progress of a run that takes a while: one line a step, a spinner while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Steps:
    """``with steps("Do this"): ...`` shows that it runs, then how long it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """One step; a step that raises is shown as failed, and the exception goes on."""
        start = time.monotonic()
        mark = "[bold red]failed[/]"
        with self._console.status(escape(name)):
            try:
                yield
                mark = "[green]done[/]"
            finally:
                seconds = time.monotonic() - start
                self._console.print(f"{mark} {seconds:5.1f} s  {escape(name)}", highlight=False)

    def seconds(self) -> float:
        """Wall seconds since the first step could begin."""
        return time.monotonic() - self._start
