"""How far a training run is: steps or minutes, whichever was asked for; shown in the terminal."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINES = 40  # a run that no terminal watches prints so many lines


@dataclass
class Run:
    """One loop's progress, from 0 to 1, so that a learning rate can follow it."""

    name: str
    steps: int
    done: int = 0
    loss: float = float("nan")

    @property
    def fraction(self) -> float:
        """The share of the steps that is done."""
        return self.done / self.steps


def steps(run: Run, console: Console) -> Iterator[int]:
    """The numbers of the steps still to do; the body sets run.loss, a running mean is shown."""
    started, first = time.monotonic(), run.done
    mean = float("nan")
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(run.name, total=run.steps, completed=run.done, loss=mean)
        for step in range(run.done, run.steps):
            yield step
            run.done = step + 1
            mean = run.loss if mean != mean else 0.95 * mean + 0.05 * run.loss
            progress.update(task, completed=run.done, loss=mean)
            if not console.is_terminal and (run.done % max(1, run.steps // _LINES) == 0):
                rate = (run.done - first) / (time.monotonic() - started)
                console.print(f"{run.name} {run.done}/{run.steps} loss {mean:.4f} {rate:.2f} steps/s")
