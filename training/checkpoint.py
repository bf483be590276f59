"""What an interrupted training run goes on from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from training.progress import Run


def save_checkpoint(path: Path, run: Run, parts: Mapping[str, Any]) -> None:
    """Write the state of every part and how far the run is; whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"steps": run.steps, "done": run.done} | {
        name: part.state_dict() for name, part in parts.items()
    }
    unfinished = path.with_suffix(".part")
    torch.save(content, unfinished)
    unfinished.replace(path)


def load_checkpoint(path: Path, run: Run, parts: Mapping[str, Any]) -> None:
    """Put every part and the run where the checkpoint left them; do nothing without one.

    Raises:
        ValueError: the checkpoint is of a run with another number of steps, so of another learning rate.
    """
    if not path.is_file():
        return
    content = torch.load(path, weights_only=True)
    if content["steps"] != run.steps:
        raise ValueError(
            f"{path} is of a run of {content['steps']} steps, this one has {run.steps}: "
            "ask for as many, or delete the checkpoint to start over"
        )
    for name, part in parts.items():
        part.load_state_dict(content[name])
    run.done = content["done"]
