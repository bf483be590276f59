"""Tiny models with random weights, one of each architecture: diffusers folders to compile where no hub is near."""

import importlib
from pathlib import Path

# The module that writes each. By name, because they import torch and a model that is there needs none.
_MODULES = {
    "tiny-sdxl": "neuron_build.random_models.tiny_sdxl",
    "tiny-sd21": "neuron_build.random_models.tiny_sd",
    "tiny-sd15": "neuron_build.random_models.tiny_sd",
}
NAMES = tuple(_MODULES)


def write_random_model(name: str, folder: Path) -> None:
    """Write the model of a recipe's name as a new diffusers folder: the same bytes on every machine."""
    folder.mkdir(parents=True)
    importlib.import_module(_MODULES[name]).write(name, folder)
