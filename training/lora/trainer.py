"""Fine-tunes: from captioned pictures and a diffusers folder to an adapter and a folder with it fused in."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from rich.console import Console

from training.conditioning import Conditioning, predict
from training.lora import adapter
from training.lora.captioned_pictures import CaptionedPicture
from training.lora.fused_folder import write_fused
from training.lora.source_model import SourceModel
from training.pictures import Size
from training.progress import Run, steps

_PRIOR_BATCH = 16


@dataclass(frozen=True)
class Settings:
    """How to fine-tune."""

    steps: int = 800
    rank: int = 8
    learning_rate: float = 1e-4
    batch: int = 4
    size: Size | None = None  # of every picture; the one that the source draws by itself if None
    seed: int = 0
    convolutions: bool = False
    text_encoders: bool = True
    dropped: float = 0.0  # share of captions left out
    prior_share: float = 0.5  # of a batch, where there are prior prompts
    prior_steps: int = 8
    prior_guidance_scale: float = 1.0


@dataclass(frozen=True)
class _Examples:
    """Encoded pictures (number, channels, height / 8, width / 8) and their captions."""

    latents: torch.Tensor
    captions: list[str]


def fine_tune(
    folder: Path,
    pictures: Sequence[CaptionedPicture],
    output: Path,
    settings: Settings,
    console: Console,
    *,
    prior_prompts: Sequence[str] = (),
) -> None:
    """Write a diffusers folder at output: the model of folder, fine-tuned; the adapter is in output/adapter.

    For each of the prior prompts the model draws a picture before it is trained, and goes on learning it:
    what they name stays as it was (prior preservation; Ruiz et al., DreamBooth, 2023). Nothing is at
    output until all of it is.

    Raises:
        SourceModelError: the folder is no model that can be fine-tuned here.
        FileExistsError: there is something at output.
    """
    if output.exists():
        raise FileExistsError(f"{output} is there already; delete it or choose another folder")
    torch.manual_seed(settings.seed)
    with console.status(f"Loading {folder}"):
        source = SourceModel(folder)
    size = settings.size or source.own_size
    own = _Examples(
        _encoded(source, [_fitted(picture.path, size) for picture in pictures]),
        [picture.text for picture in pictures],
    )
    prior = _prior(source, prior_prompts, size, settings, console)
    _train(source, own, prior, settings, console)
    unfinished = output.with_name(f"{output.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    adapter.save(source, unfinished / "adapter")
    with console.status("Fusing the adapter"):
        write_fused(folder, adapter.fused(folder, unfinished / "adapter"), unfinished)
    unfinished.rename(output)


def _train(
    source: SourceModel, own: _Examples, prior: _Examples | None, settings: Settings, console: Console
) -> None:
    parameters = adapter.attach(
        source,
        settings.rank,
        convolutions=settings.convolutions,
        text_encoders=settings.text_encoders,
    )
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=0.01)
    random = np.random.default_rng(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    run = Run("LoRA", settings.steps)
    for step in steps(run, console):
        for group in optimizer.param_groups:
            # A short warm-up, then down to nothing.
            group["lr"] = settings.learning_rate * min((step + 1) / 20, 1.0) * (1 - run.fraction)
        latents, captions = _batch(own, prior, settings, random)
        loss = _loss(source, latents, captions, settings.dropped, generator)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        run.loss = float(loss.detach())


def _batch(
    own: _Examples, prior: _Examples | None, settings: Settings, random: np.random.Generator
) -> tuple[torch.Tensor, list[str]]:
    from_prior = round(settings.batch * settings.prior_share) if prior is not None else 0
    parts = [_some(own, settings.batch - from_prior, random)]
    if prior is not None and from_prior:
        parts.append(_some(prior, from_prior, random))
    return torch.cat([latents for latents, _ in parts]), [text for _, texts in parts for text in texts]


def _some(examples: _Examples, number: int, random: np.random.Generator) -> tuple[torch.Tensor, list[str]]:
    chosen = random.integers(len(examples.captions), size=number)
    return examples.latents[torch.from_numpy(chosen)], [examples.captions[index] for index in chosen]


def _loss(
    source: SourceModel,
    clean: torch.Tensor,
    captions: list[str],
    dropped: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Mean squared error of the UNet's prediction at timesteps by chance."""
    noise = torch.randn(clean.shape, generator=generator)
    timesteps = torch.randint(
        0, source.schedule.config.num_train_timesteps, (len(clean),), generator=generator
    )
    noisy = source.schedule.add_noise(clean, noise, timesteps)
    text: Conditioning = source.encode(captions)
    text = text.dropped(torch.rand(len(clean), generator=generator) < dropped)
    height, width = (8 * side for side in clean.shape[-2:])
    prediction = predict(source.pipeline.unet, noisy, timesteps, text, Size(width, height))
    return torch.nn.functional.mse_loss(prediction, source.target(clean, noise, timesteps))


def _prior(
    source: SourceModel, prompts: Sequence[str], size: Size, settings: Settings, console: Console
) -> _Examples | None:
    """What the model draws for the prompts before it is trained, as latents."""
    if not prompts:
        return None
    found = []
    with console.status(f"Drawing {len(prompts)} pictures to keep"):
        for first in range(0, len(prompts), _PRIOR_BATCH):
            part = list(prompts[first : first + _PRIOR_BATCH])
            seeds = [settings.seed * 100_003 + first + number for number in range(len(part))]
            latents = source.pipeline(
                prompt=part,
                num_inference_steps=settings.prior_steps,
                guidance_scale=settings.prior_guidance_scale,
                width=size.width,
                height=size.height,
                generator=[torch.Generator().manual_seed(seed) for seed in seeds],
                output_type="latent",
            ).images
            found.append(latents)
    return _Examples(torch.cat(found), list(prompts))


def _encoded(source: SourceModel, pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Scaled latents, one picture at a time: a large one takes much memory."""
    vae: Any = source.pipeline.vae
    latents = []
    with torch.no_grad():
        for picture in pictures:
            pixels = torch.from_numpy(np.asarray(picture, np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
            latents.append(vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor)
    return torch.cat(latents)


def _fitted(path: Path, size: Size) -> Image.Image:
    """The picture in RGB, scaled and cut around its centre to the size."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    return ImageOps.fit(upright, (size.width, size.height), Image.Resampling.LANCZOS)
