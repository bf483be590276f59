"""Loads one component of a diffusers folder, and nothing of the rest."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def load_component(
    folder: Path, library: str, class_name: str, *, dtype: str, variant: str | None = None
) -> torch.nn.Module:
    """The component, in evaluation mode, with its weights in the type it computes in.

    Args:
        library: "diffusers" or "transformers".
        dtype: torch's name of it.
        variant: of the weights' files, such as "fp16".
    """
    import torch

    loaded: Any = getattr(importlib.import_module(library), class_name).from_pretrained(
        folder,
        torch_dtype=getattr(torch, dtype),
        use_safetensors=True,
        local_files_only=True,
        variant=variant,
    )
    module: torch.nn.Module = loaded.to(getattr(torch, dtype)).eval().requires_grad_(False)
    return module
