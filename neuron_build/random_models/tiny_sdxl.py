"""A tiny model of SDXL's architecture with random weights: it draws abstract pictures, fast.

Every part has SDXL's structure (two CLIP text encoders whose hidden states are joined, a UNet with
three levels, linear projections and text_time conditioning, a VAE that scales by 8) with a few channels.
"""

from pathlib import Path

from neuron_build.byte_tokenizer import write_byte_tokenizer
from neuron_build.random_models.components import Components

_SEED = "tiny-sdxl/4"
_TEXT_WIDTHS = (32, 64)
_TIME_ID_WIDTH = 8
_TIME_IDS = 6  # original size, crop corner and target size, two numbers each

_UNET = {
    "sample_size": 16,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [16, 32, 64],
    "layers_per_block": 1,
    "transformer_layers_per_block": [1, 1, 1],
    # Heads a level: diffusers reads this name as their number (huggingface/diffusers#2011).
    "attention_head_dim": [1, 2, 4],
    "cross_attention_dim": sum(_TEXT_WIDTHS),
    "norm_num_groups": 8,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": _TIME_ID_WIDTH,
    "projection_class_embeddings_input_dim": _TEXT_WIDTHS[1] + _TIME_IDS * _TIME_ID_WIDTH,
}

_VAE = {
    "sample_size": 128,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [8, 16, 16, 32],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "scaling_factor": 0.13025,
    "force_upcast": False,
}

_SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "steps_offset": 1,
}

_PIPELINE = {
    "force_zeros_for_empty_prompt": True,
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def write(name: str, folder: Path) -> None:
    """Write the model into an empty folder."""
    del name
    components = Components(folder, _SEED)
    components.text_encoder("text_encoder", width=_TEXT_WIDTHS[0], activation="quick_gelu", projected=False)
    components.text_encoder("text_encoder_2", width=_TEXT_WIDTHS[1], activation="gelu", projected=True)
    write_byte_tokenizer(folder / "tokenizer")
    # SDXL's second tokenizer pads with "!".
    write_byte_tokenizer(folder / "tokenizer_2", padding="!")
    components.unet(_UNET)
    components.vae(_VAE)
    components.scheduler("EulerDiscreteScheduler", _SCHEDULER)
    components.pipeline("StableDiffusionXLPipeline", _PIPELINE)
