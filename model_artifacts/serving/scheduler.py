"""The sampler of a model: diffusers' own scheduler classes, and of diffusers nothing else."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.recipe import Recipe


@dataclass(frozen=True)
class SchedulerFactory:
    """Makes the scheduler of a picture: one that has drawn keeps what it needs for its next step."""

    kind: Any
    config: Mapping[str, Any]

    def start(self, steps: int) -> Any:
        """A new scheduler with its timesteps set."""
        scheduler = self.kind.from_config(self.config)
        scheduler.set_timesteps(steps)
        return scheduler

    def step_settings(self, generator: Any) -> dict[str, Any]:
        """What step() takes beside its tensors: some schedulers add noise of their own."""
        return {"generator": generator} if "generator" in _parameters(self.kind.step) else {}


def read_scheduler(folder: Path, recipe: Recipe, settings: Mapping[str, Any]) -> SchedulerFactory:
    """Read scheduler_config.json of a model.

    Args:
        settings: take the place of the model's own, where its class has such a setting.

    Raises:
        ValueError: it names a class that the recipe does not allow.
    """
    path = folder / "scheduler_config.json"
    config: dict[str, Any] = json.loads(path.read_bytes())
    name = config.get("_class_name")
    if name not in recipe.schedulers:
        raise ValueError(f"{path}: {recipe.name} takes {', '.join(recipe.schedulers)}, not {name}")
    kind = getattr(_diffusers_schedulers(), name)
    known = _parameters(kind.__init__)
    return SchedulerFactory(kind, config | {key: value for key, value in settings.items() if key in known})


def _diffusers_schedulers() -> Any:
    """diffusers.schedulers, without torch's compiler.

    diffusers imports torch._dynamo for a mark on its models, and does without where there is none. That
    import is most of what a worker's start would take: 1.4 of 1.8 s and 72 of 91 MB.
    """
    unwanted = "torch._dynamo"
    absent = unwanted not in sys.modules
    if absent:
        sys.modules[unwanted] = None  # type: ignore[assignment]  # an import of it raises ModuleNotFoundError
    try:
        import diffusers.schedulers
        import diffusers.utils.logging
    finally:
        if absent:
            del sys.modules[unwanted]
    # It warns of settings that another scheduler class left in a configuration.
    diffusers.utils.logging.set_verbosity_error()
    return diffusers.schedulers


def _parameters(function: Any) -> Mapping[str, Any]:
    return inspect.signature(function).parameters
