"""Trains the tiny model's UNet and text encoders on encoded pictures."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from rich.console import Console

from training import architecture
from training.average import Average
from training.captions import caption
from training.checkpoint import load_checkpoint, save_checkpoint
from training.conditioning import Conditioning, encode_sdxl, predict, tokenize
from training.latents import Bank
from training.pictures import Size
from training.progress import Run, steps

_BATCH = 64
_WARM_UP = 100
_EMA_DECAY = 0.998
_DROPPED = 0.1  # captions left out, for classifier-free guidance
_PURE_NOISE = 0.15  # samples at the last timestep, where every picture begins
_SAVE_EVERY = 500
# A star's ten corners take the longest to learn.
_CHANCES = {"star": 2.0}
# From this share of the run on, part of the batch is as guidance distorts it.
_GUIDED_FROM = 0.1
_GUIDED = 16
_GUIDANCE = (1.0, 6.0)
_STEPS = (3, 16)


@dataclass(frozen=True)
class Denoiser:
    """The parts that are trained together."""

    unet: Any
    text_encoder: Any
    text_encoder_2: Any
    tokenizer: Any
    tokenizer_2: Any

    def modules(self) -> dict[str, torch.nn.Module]:
        """The parts that have weights."""
        return {"unet": self.unet, "text_encoder": self.text_encoder, "text_encoder_2": self.text_encoder_2}

    def encode(self, captions: list[str]) -> Conditioning:
        """What the UNet is told of captions."""
        return encode_sdxl(
            tokenize(self.tokenizer, captions),
            tokenize(self.tokenizer_2, captions),
            self.text_encoder,
            self.text_encoder_2,
        )


def train_denoiser(
    denoiser: Denoiser,
    banks: list[Bank],
    count: int,
    seed: int,
    checkpoint: Path,
    console: Console,
    when_saved: Callable[[int, Average], None],
    *,
    learning_rate: float,
) -> Average:
    """Train for count steps; returns the mean weights, which are the ones to keep.

    Interrupted, it goes on from its checkpoint; when_saved is called with each.
    """
    modules = denoiser.modules()
    parameters = [parameter for module in modules.values() for parameter in module.parameters()]
    optimizer = torch.optim.AdamW(
        parameters, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
    )
    average = Average(modules, _EMA_DECAY)
    # Plain attention: the fused kernel's backward pass takes a third of a step's time on a CPU.
    denoiser.unet.set_attn_processor(AttnProcessor())
    denoiser.unet.to(memory_format=torch.channels_last)
    run = Run("denoiser", count)
    state: dict[str, Any] = {**modules, "optimizer": optimizer, "average": average}
    load_checkpoint(checkpoint, run, state)
    schedule = DDPMScheduler(**architecture.SCHEDULER)
    shares = np.array([len(bank.latents) for bank in banks], float)
    for step in steps(run, console):
        random = np.random.default_rng([seed, 2, step])
        torch.manual_seed(seed * 1_000_003 + step)
        bank = banks[random.choice(len(banks), p=shares / shares.sum())]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1, (step + 1) / _WARM_UP) * _cosine(run.fraction)
        loss = _loss(denoiser, bank, schedule, random, guided=run.fraction >= _GUIDED_FROM)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        average.update(step)
        run.loss = float(loss.detach())
        if (step + 1) % _SAVE_EVERY == 0 or step + 1 == count:
            run.done = step + 1
            save_checkpoint(checkpoint, run, state)
            when_saved(step + 1, average)
    return average


def _loss(
    denoiser: Denoiser, bank: Bank, schedule: DDPMScheduler, random: np.random.Generator, *, guided: bool
) -> torch.Tensor:
    """Mean squared error of the predicted velocity (Salimans and Ho, 2022) over a batch of the bank."""
    chances = np.array([_CHANCES.get(drawing.shape, 1.0) for drawing in bank.drawings])
    chosen = random.choice(len(bank.latents), size=_BATCH, p=chances / chances.sum())
    clean = bank.latents[torch.from_numpy(chosen)]
    text = denoiser.encode([caption(bank.drawings[number], bank.scales[number], random) for number in chosen])
    last = schedule.config.num_train_timesteps - 1
    timesteps = torch.randint(0, last + 1, (_BATCH,))
    timesteps[torch.rand(_BATCH) < _PURE_NOISE] = last
    noise = torch.randn_like(clean)
    if guided:
        excess = _guidance_excess(denoiser, text, bank.size, schedule, timesteps[:_GUIDED], clean.shape[1:])
        noise[:_GUIDED] += excess
    signal, spread = _signal_and_spread(schedule, timesteps)
    noisy = signal * clean + spread * noise
    # The velocity from which a scheduler finds the clean latents, whatever the noise is like.
    target = (signal * noisy - clean) / spread
    text = text.dropped(torch.rand(_BATCH) < _DROPPED)
    with torch.autocast("cpu", torch.bfloat16):
        prediction = predict(denoiser.unet, noisy, timesteps, text, bank.size)
    return torch.nn.functional.mse_loss(prediction.float(), target)


def _guidance_excess(
    denoiser: Denoiser,
    text: Conditioning,
    size: Size,
    schedule: DDPMScheduler,
    timesteps: torch.Tensor,
    shape: torch.Size,
) -> torch.Tensor:
    """What classifier-free guidance adds to the noise of pictures that are being drawn.

    The first of a sampler's steps, from pure noise, goes too far by (scale - 1) times the difference
    between the prediction with a caption and without. Later steps take that excess for noise of the first
    step's level. A model that has seen it removes it; one that hasn't draws glaring colours. Scale and
    number of steps are by chance. In units of the noise at the timesteps (batch,).
    """
    batch = len(timesteps)
    text = Conditioning(text.hidden[:batch], None if text.pooled is None else text.pooled[:batch])
    noise = torch.randn(batch, *shape)
    last = schedule.config.num_train_timesteps - 1
    start = torch.full((batch,), last)
    everything = torch.ones(batch, dtype=torch.bool)
    # At the last timestep there is no signal: the clean latents are the velocity, negative.
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        told = -predict(denoiser.unet, noise, start, text, size).float()
        untold = -predict(denoiser.unet, noise, start, text.dropped(everything), size).float()
    scale = torch.empty(batch, 1, 1, 1).uniform_(*_GUIDANCE)
    second = last - (last + 1) // torch.randint(*_STEPS, (batch,))
    signal, spread = _signal_and_spread(schedule, torch.maximum(second, timesteps))
    return (scale - 1) * (told - untold) * signal / spread


def _signal_and_spread(schedule: DDPMScheduler, timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What clean latents and noise are scaled by at the timesteps (batch,); each (batch, 1, 1, 1)."""
    kept = schedule.alphas_cumprod[timesteps][:, None, None, None]
    return kept.sqrt(), (1 - kept).sqrt()


def _cosine(fraction: float) -> float:
    """From 1 at the start to 0.01 at the end."""
    return 0.01 + 0.99 * (1 + math.cos(math.pi * fraction)) / 2


def new_unet() -> UNet2DConditionModel:
    """A UNet with the library's random weights."""
    return UNet2DConditionModel(**architecture.UNET)
