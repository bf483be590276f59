"""The training pictures as latents, made once before the UNet's training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from rich.console import Console

from training.autoencoder import encode
from training.drawings import Drawing, seen_drawings
from training.pictures import Size, render

# The sizes of the recipe tiny-sdxl, and how many pictures of each.
SIZES = {Size(128, 128): 5_000, Size(160, 96): 2_500, Size(96, 160): 2_500}


@dataclass(frozen=True)
class Bank:
    """Encoded pictures of one size: latents (number, 4, height / 8, width / 8) and what each shows."""

    size: Size
    latents: torch.Tensor
    drawings: list[Drawing]
    scales: list[str]


def encoded_pictures(model: AutoencoderKL, seed: int, cache: Path, console: Console) -> list[Bank]:
    """One bank a size, of drawings that are not held out; latents are kept in the folder cache."""
    banks = []
    for size, count in SIZES.items():
        random = np.random.default_rng([seed, size.width])
        known, scales = seen_drawings(), ["", "", "", "small", "large"]
        drawings = [known[number % len(known)] for number in range(count)]
        chosen = [scales[number] for number in random.integers(len(scales), size=count)]
        path = cache / f"{size.width}x{size.height}.pt"
        if not path.is_file():
            with console.status(f"Rendering {count} pictures of {size.width}x{size.height}"):
                pictures = [
                    np.asarray(render(drawing, size, random, scale=scale))
                    for drawing, scale in zip(drawings, chosen, strict=True)
                ]
                path.parent.mkdir(parents=True, exist_ok=True)
                torch.save(encode(model, pictures), path)
        banks.append(Bank(size, torch.load(path, weights_only=True), drawings, chosen))
    return banks
