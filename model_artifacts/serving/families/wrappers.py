"""Modules to trace: they take and give tensors where diffusers and transformers take and give objects."""

from typing import Any

import torch
from torch import Tensor, nn


class LastLayer(nn.Module):  # type: ignore[misc]
    """A CLIP text encoder: token numbers [batch, tokens] -> last hidden state [batch, tokens, width]."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens: Tensor) -> Tensor:
        last_hidden_state: Tensor = self.encoder(tokens, return_dict=False)[0]
        return last_hidden_state


class PenultimateLayer(nn.Module):  # type: ignore[misc]
    """A CLIP text encoder: token numbers [batch, tokens] -> last but one hidden state."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens: Tensor) -> Tensor:
        hidden_states: Tensor = self.encoder(tokens, output_hidden_states=True, return_dict=False)[-1][-2]
        return hidden_states


class PenultimateLayerAndProjection(nn.Module):  # type: ignore[misc]
    """As PenultimateLayer, and the projection [batch, width] of the pooled text."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.encoder(tokens, output_hidden_states=True, return_dict=False)
        return outputs[-1][-2], outputs[0]


class TextUNet(nn.Module):  # type: ignore[misc]
    """A UNet told of the text: latents [batch, channels, height, width], timestep [batch] -> prediction."""

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = _with_neuron_attention(unet)

    def forward(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        prediction: Tensor = self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]
        return prediction


class TextTimeUNet(nn.Module):  # type: ignore[misc]
    """As TextUNet, told of the pooled text and of SDXL's sizes and crops too."""

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = _with_neuron_attention(unet)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        text_embeds: Tensor,
        time_ids: Tensor,
    ) -> Tensor:
        prediction: Tensor = self.unet(
            sample,
            timestep,
            encoder_hidden_states,
            added_cond_kwargs={"text_embeds": text_embeds, "time_ids": time_ids},
            return_dict=False,
        )[0]
        return prediction


class NeuronAttention:
    """The attention of a UNet's blocks, as AWS's Stable Diffusion samples have Neuron compute it.

    Where queries and keys are as many, the scores are computed transposed and the softmax runs along the
    first dimension. It is the same attention; the sums are in another order. Only what a transformer block
    of UNet2DConditionModel asks of its attention is here: no mask, no norm, no residual.
    """

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        if attention_mask is not None:
            raise ValueError("the attention of a compiled UNet takes no mask")
        attended = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            attn.head_to_batch_dim(project(states))
            for project, states in (
                (attn.to_q, hidden_states),
                (attn.to_k, attended),
                (attn.to_v, attended),
            )
        )
        mixed = attn.batch_to_head_dim(torch.bmm(_probabilities(query, key, attn.scale), value))
        projected: Tensor = attn.to_out[1](attn.to_out[0](mixed))
        return projected


def _with_neuron_attention(unet: Any) -> Any:
    unet.set_attn_processor(NeuronAttention())
    return unet


def _probabilities(query: Tensor, key: Tensor, scale: float) -> Tensor:
    """softmax(query x key^T x scale) over the keys: [heads, queries, width] -> [heads, queries, keys]."""
    if query.shape == key.shape:
        return (torch.bmm(key, query.transpose(-1, -2)) * scale).softmax(dim=1).permute(0, 2, 1)
    return (torch.bmm(query, key.transpose(-1, -2)) * scale).softmax(dim=-1)
