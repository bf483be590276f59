"""Trains the tiny model's autoencoder."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from rich.console import Console

from training import architecture
from training.checkpoint import load_checkpoint, save_checkpoint
from training.drawings import seen_drawings
from training.pictures import SIDES, Pixels, Size, render, varied_picture
from training.progress import Run, steps

_CROP = 64
_BATCH = 12
_LEARNING_RATE = 2e-3
_KL_WEIGHT = 1e-6
_SHARPENING_RATE = 1e-3
_LATENT_NOISE = 0.1  # in units of the scaled latents, whose variance is 1
_PICTURES = 4000
_SAVE_EVERY = 500


def train_autoencoder(count: int, seed: int, checkpoint: Path, console: Console) -> AutoencoderKL:
    """A trained autoencoder whose scaling factor makes latents of unit variance.

    Interrupted, it goes on from its checkpoint.
    """
    torch.manual_seed(seed)
    model = AutoencoderKL(**architecture.VAE).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, betas=(0.9, 0.99), weight_decay=0.0)
    run = Run("autoencoder", count)
    state: dict[str, Any] = {"model": model, "optimizer": optimizer}
    load_checkpoint(checkpoint, run, state)
    pictures = _pictures(seed)
    for step in steps(run, console):
        random = np.random.default_rng([seed, step])
        batch = _tensor(_crops(pictures, random))
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * min(1, (step + 1) / 50) * _cosine(run.fraction)
        posterior = model.encode(batch).latent_dist
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        difference = model.decode(posterior.sample(generator)).sample - batch
        loss = difference.abs().mean() + difference.square().mean() + _KL_WEIGHT * posterior.kl().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        run.loss = float(difference.detach().abs().mean())
        if (step + 1) % _SAVE_EVERY == 0 or step + 1 == count:
            run.done = step + 1
            save_checkpoint(checkpoint, run, state)
    model.register_to_config(scaling_factor=_scaling_factor(model, pictures))
    return model.eval()


def sharpen_decoder(model: AutoencoderKL, count: int, seed: int, checkpoint: Path, console: Console) -> None:
    """Go on training the decoder alone, on latents with a little noise in them.

    Latents keep their meaning, so a trained UNet fits as before; what it leaves unclean the decoder mends.
    """
    model.requires_grad_(False)
    decoder = [*model.decoder.parameters(), *model.post_quant_conv.parameters()]
    for parameter in decoder:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(
        decoder, lr=_SHARPENING_RATE, betas=(0.9, 0.99), weight_decay=0.0, fused=True
    )
    run = Run("decoder", count)
    state: dict[str, Any] = {"model": model, "optimizer": optimizer}
    load_checkpoint(checkpoint, run, state)
    pictures = _pictures(seed)
    spread = _LATENT_NOISE / float(model.config.scaling_factor)
    for step in steps(run, console):
        random = np.random.default_rng([seed, 3, step])
        torch.manual_seed(seed * 1_000_003 + step)
        batch = _tensor(_crops(pictures, random))
        for group in optimizer.param_groups:
            group["lr"] = _SHARPENING_RATE * min(1, (step + 1) / 50) * _cosine(run.fraction)
        with torch.no_grad():
            latents = model.encode(batch).latent_dist.mean
        loss = (model.decode(latents + spread * torch.randn_like(latents)).sample - batch).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder, 1.0)
        optimizer.step()
        run.loss = float(loss.detach())
        if (step + 1) % _SAVE_EVERY == 0 or step + 1 == count:
            run.done = step + 1
            save_checkpoint(checkpoint, run, state)


def encode(model: AutoencoderKL, pictures: Sequence[npt.NDArray[np.uint8]]) -> torch.Tensor:
    """Scaled latents (number, 4, height / 8, width / 8) of pictures (height, width, 3) of one size."""
    with torch.no_grad():
        latents = [
            model.encode(_tensor(np.stack(pictures[first : first + 64]))).latent_dist.mean
            for first in range(0, len(pictures), 64)
        ]
    return torch.cat(latents) * float(model.config.scaling_factor)


def _pictures(seed: int) -> list[Pixels]:
    """Half of them drawings, half of them richer; square, since training crops them."""
    random = np.random.default_rng([seed, 1])
    size, drawings, scales = Size(128, 128), seen_drawings(), list(SIDES)
    pictures = []
    for number in range(_PICTURES):
        if number % 2:
            drawing = drawings[random.integers(len(drawings))]
            picture = render(drawing, size, random, scale=scales[random.integers(len(scales))])
        else:
            picture = varied_picture(size, random)
        pictures.append(np.asarray(picture))
    return pictures


def _crops(pictures: list[Pixels], random: np.random.Generator) -> Pixels:
    crops = []
    for number in random.integers(len(pictures), size=_BATCH):
        picture = pictures[number]
        top, left = random.integers(0, np.array(picture.shape[:2]) - _CROP + 1)
        crop = picture[top : top + _CROP, left : left + _CROP]
        crops.append(crop[:, ::-1] if random.random() < 0.5 else crop)
    return np.stack(crops)


def _tensor(pictures: Pixels) -> torch.Tensor:
    """(number, height, width, 3) of 0 to 255 as (number, 3, height, width) of -1 to 1."""
    tensor = torch.from_numpy(pictures.astype(np.float32) / 127.5 - 1)
    return tensor.permute(0, 3, 1, 2)


def _scaling_factor(model: AutoencoderKL, pictures: list[Pixels]) -> float:
    """One over the standard deviation of latents (Rombach et al., 2022, section G)."""
    with torch.no_grad():
        latents = model.encode(_tensor(np.stack(pictures[1:512:2]))).latent_dist.sample()
    return round(1 / float(latents.std()), 5)


def _cosine(fraction: float) -> float:
    """From 1 at the start to 0.02 at the end."""
    return 0.02 + 0.98 * (1 + math.cos(math.pi * fraction)) / 2
