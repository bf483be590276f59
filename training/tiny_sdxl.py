"""Trains the tiny model from scratch: autoencoder, latents, then UNet and text encoders."""

import re
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from rich.console import Console
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from training import agreement, architecture
from training.autoencoder import sharpen_decoder, train_autoencoder
from training.average import Average
from training.captions import every_wording
from training.denoiser import Denoiser, new_unet, train_denoiser
from training.drawings import held_out_drawings
from training.latents import encoded_pictures
from training.model_folder import token_ends, write_model, write_tokenizers
from training.pictures import Size
from training.tokenizer import learn_merges, vocabulary

STEPS = 8
GUIDANCE_SCALE = 2.5


def train(
    output: Path,
    work: Path,
    console: Console,
    *,
    autoencoder_steps: int,
    steps: int,
    decoder_steps: int,
    learning_rate: float,
    seed: int,
    start: Path | None = None,
) -> None:
    """Train and write a diffusers folder at output; checkpoints are kept in work, where a run goes on.

    start is a folder that this has written: its UNet and text encoders are then what training begins with.
    """
    merges = learn_merges(word for text in every_wording() for word in re.findall("[a-z]+", text))
    vae = train_autoencoder(autoencoder_steps, seed, work / "autoencoder.pt", console)
    banks = encoded_pictures(vae, seed, work / "latents", console)
    torch.manual_seed(seed)
    denoiser, configs = new_denoiser(work, merges)
    if start is not None:
        begun = agreement.load(start)
        for name, module in denoiser.modules().items():
            module.load_state_dict(getattr(begun, name).state_dict())

    def write(average: Average) -> None:
        text_encoders = [
            (config, average.weights(name))
            for name, config in zip(("text_encoder", "text_encoder_2"), configs, strict=True)
        ]
        weights = vae.state_dict()
        write_model(output, merges, text_encoders, average.weights("unet"), (_vae_config(vae), weights))

    def report(step: int, average: Average) -> None:
        write(average)
        pipeline = agreement.load(output)
        for steps_drawn in (4, STEPS):
            found = agreement.verdicts(
                pipeline,
                held_out_drawings(),
                [step],
                Size(128, 128),
                steps=steps_drawn,
                guidance_scale=GUIDANCE_SCALE,
            )
            wrong = [verdict for verdict in found if not verdict.agrees]
            console.print(
                f"step {step}: {agreement.share(found):.0%} of held-out prompts in {steps_drawn} steps; "
                f"colour {_wrong(wrong, 'colour')}, shape {_wrong(wrong, 'shape')}, "
                f"background {_wrong(wrong, 'background')} wrong of {len(found)}"
            )

    average = train_denoiser(
        denoiser, banks, steps, seed, work / "denoiser.pt", console, report, learning_rate=learning_rate
    )
    sharpen_decoder(vae, decoder_steps, seed, work / "decoder.pt", console)
    write(average)


def _wrong(found: list[agreement.Verdict], field: str) -> int:
    return sum(getattr(verdict.asked, field) != getattr(verdict.seen, field) for verdict in found)


def new_denoiser(tokenizers: Path, merges: list[tuple[str, str]]) -> tuple[Denoiser, list[dict[str, Any]]]:
    """Parts with random weights, and the text encoders' configurations; tokenizers has both tokenizers."""
    write_tokenizers(tokenizers, merges)
    tokens = vocabulary(merges)
    start, end = token_ends(tokens)
    configs = [
        architecture.text_encoder(number, vocabulary=len(tokens), start=start, end=end) for number in (0, 1)
    ]
    denoiser = Denoiser(
        unet=new_unet(),
        text_encoder=CLIPTextModel(CLIPTextConfig(**configs[0])),
        text_encoder_2=CLIPTextModelWithProjection(CLIPTextConfig(**configs[1])),
        tokenizer=CLIPTokenizer.from_pretrained(tokenizers / "tokenizer"),
        tokenizer_2=CLIPTokenizer.from_pretrained(tokenizers / "tokenizer_2"),
    )
    return denoiser, configs


def _vae_config(vae: AutoencoderKL) -> dict[str, Any]:
    return architecture.VAE | {"scaling_factor": vae.config.scaling_factor}
