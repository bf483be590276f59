"""Shows a build on a terminal: what is compiled, for how long, and what it took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from neuron_build.build import Event


class BuildProgress:
    """A line for each part that is being compiled; one is left behind for each that was."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._step = progress.add_task("")
        self._parts: dict[str, TaskID] = {}
        self.compiled = 0

    def report(self, step: str) -> None:
        """Show what is being done now."""
        self._progress.update(self._step, description=step)

    def observe(self, event: Event) -> None:
        """Show what happens to a part."""
        if event.kind == "started":
            self.report("compiling")
            self._parts[event.part] = self._progress.add_task(f"  {event.part}")
        elif event.part in self._parts:
            self._progress.remove_task(self._parts.pop(event.part))
        if event.kind == "compiled":
            self.compiled += 1
            self._progress.console.print(
                f"compiled {event.part} in {event.seconds:.1f} s, at most {event.peak_gib:.2f} GiB",
                highlight=False,
            )
        elif event.kind == "failed":
            self._progress.console.print(f"failed {event.part}", style="red", highlight=False)


@contextmanager
def build_progress(console: Console) -> Iterator[BuildProgress]:
    """Progress that is gone from the terminal when the build ends."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield BuildProgress(progress)
