"""What a UNet is told beside the noisy latents, as diffusers' pipelines do it: text and, for SDXL, sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from training.pictures import Size


@dataclass(frozen=True)
class Conditioning:
    """Encoded prompts: hidden states (batch, tokens, width) and, for SDXL, pooled ones (batch, width)."""

    hidden: torch.Tensor
    pooled: torch.Tensor | None = None

    def dropped(self, which: torch.Tensor) -> "Conditioning":
        """With zeros where which (batch,) is true: what SDXL's pipelines take for no prompt."""
        kept = (~which).to(self.hidden.dtype)
        pooled = None if self.pooled is None else self.pooled * kept[:, None]
        return Conditioning(self.hidden * kept[:, None, None], pooled)


def tokenize(tokenizer: Any, prompts: Sequence[str]) -> torch.Tensor:
    """Token numbers (batch, tokens), padded and cut to what the text encoder reads."""
    tokens = tokenizer(
        list(prompts),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    ids: torch.Tensor = tokens.input_ids
    return ids


def encode_sdxl(
    tokens: torch.Tensor, tokens_2: torch.Tensor, text_encoder: Any, text_encoder_2: Any
) -> Conditioning:
    """SDXL's: the last but one hidden states of both encoders joined, and the second's projection."""
    first = text_encoder(tokens, output_hidden_states=True)
    second = text_encoder_2(tokens_2, output_hidden_states=True)
    hidden = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
    return Conditioning(hidden, second.text_embeds)


def time_ids(size: Size, batch: int) -> torch.Tensor:
    """SDXL's six numbers of a picture that was not cropped (batch, 6): original size, corner, target size."""
    row = [size.height, size.width, 0, 0, size.height, size.width]
    return torch.tensor([row] * batch, dtype=torch.float32)


def predict(
    unet: Any, latents: torch.Tensor, timesteps: torch.Tensor, text: Conditioning, size: Size
) -> torch.Tensor:
    """The UNet's output for noisy latents (batch, channels, height / 8, width / 8) at timesteps (batch,)."""
    added = None
    if text.pooled is not None:
        added = {"text_embeds": text.pooled, "time_ids": time_ids(size, len(latents)).to(text.pooled)}
    output: torch.Tensor = unet(latents, timesteps, text.hidden, added_cond_kwargs=added).sample
    return output
