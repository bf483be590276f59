"""Tiny models of Stable Diffusion 1.5's and 2.1's architectures with random weights.

What tells the two apart is kept: text encoder (activation, width), padding token, projections of the UNet's
transformer blocks (convolution or linear), heads a level, what the UNet predicts, scheduler.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuron_build.byte_tokenizer import write_byte_tokenizer
from neuron_build.random_models.components import Components


@dataclass(frozen=True)
class _Version:
    seed: str
    width: int
    activation: str
    padding: str
    heads: list[int] | int
    linear_projection: bool
    scheduler: str
    scheduler_config: dict[str, Any]


_NOISE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}

_VERSIONS = {
    "tiny-sd15": _Version(
        seed="tiny-sd15/1",
        width=48,
        activation="quick_gelu",
        padding="<|endoftext|>",
        heads=2,
        linear_projection=False,
        scheduler="PNDMScheduler",
        scheduler_config={**_NOISE, "prediction_type": "epsilon", "skip_prk_steps": True},
    ),
    "tiny-sd21": _Version(
        seed="tiny-sd21/1",
        width=64,
        activation="gelu",
        padding="!",
        heads=[1, 2, 4],
        linear_projection=True,
        scheduler="DDIMScheduler",
        scheduler_config={**_NOISE, "prediction_type": "v_prediction", "clip_sample": False},
    ),
}

_VAE = {
    "sample_size": 64,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [8, 16, 16, 32],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "scaling_factor": 0.18215,
    "force_upcast": False,
}

_COMPONENTS = {
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    # What diffusers writes for a pipeline that is loaded without one.
    "safety_checker": [None, None],
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
}


def write(name: str, folder: Path) -> None:
    """Write the model of a name into an empty folder."""
    version = _VERSIONS[name]
    components = Components(folder, version.seed)
    components.text_encoder(
        "text_encoder", width=version.width, activation=version.activation, projected=False
    )
    write_byte_tokenizer(folder / "tokenizer", padding=version.padding)
    components.unet(_unet(version))
    components.vae(_VAE)
    components.scheduler(version.scheduler, version.scheduler_config)
    components.pipeline(
        "StableDiffusionPipeline", {**_COMPONENTS, "scheduler": ["diffusers", version.scheduler]}
    )


def _unet(version: _Version) -> dict[str, Any]:
    return {
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
        "block_out_channels": [16, 32, 64],
        "layers_per_block": 1,
        # Heads a level: diffusers reads this name as their number (huggingface/diffusers#2011).
        "attention_head_dim": version.heads,
        "cross_attention_dim": version.width,
        "norm_num_groups": 8,
        "use_linear_projection": version.linear_projection,
    }
