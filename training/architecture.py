"""The tiny model's parts: SDXL's architecture with few channels.

Two CLIP text encoders whose hidden states are joined, a UNet with three levels, linear projections and
text_time conditioning, a VAE that scales by 8. The configurations name what must not follow a library's
defaults.
"""

from typing import Any

TEXT_WIDTHS = (32, 64)
TEXT_LAYERS = (2, 3)
TOKENS = 77  # what CLIP reads, the marks of start and end included
_TIME_ID_WIDTH = 8
_TIME_IDS = 6  # original size, crop corner and target size, two numbers each

UNET: dict[str, Any] = {
    "sample_size": 16,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [32, 64, 128],
    "layers_per_block": 1,
    "transformer_layers_per_block": [1, 1, 1],
    # Heads a level: diffusers reads this name as their number (huggingface/diffusers#2011).
    "attention_head_dim": [1, 2, 4],
    "cross_attention_dim": sum(TEXT_WIDTHS),
    "norm_num_groups": 8,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": _TIME_ID_WIDTH,
    "projection_class_embeddings_input_dim": TEXT_WIDTHS[1] + _TIME_IDS * _TIME_ID_WIDTH,
}

VAE: dict[str, Any] = {
    "sample_size": 128,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [16, 32, 32, 64],
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "force_upcast": False,
}

# Velocity prediction from pure noise: a schedule whose last step still shows a trace of the picture
# can't learn a wholly white or black background (Lin et al., Common Diffusion Noise Schedules and
# Sample Steps are Flawed, 2024).
SCHEDULER: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "steps_offset": 1,
}


def text_encoder(number: int, *, vocabulary: int, start: int, end: int) -> dict[str, Any]:
    """Configuration of text encoder 0 (SDXL's CLIP ViT-L) or 1 (OpenCLIP bigG, with the pooled projection).

    vocabulary is the number of tokens; start and end are the numbers of those that mark a text's ends.
    """
    width = TEXT_WIDTHS[number]
    return {
        "model_type": "clip_text_model",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "projection_dim": width,
        "num_hidden_layers": TEXT_LAYERS[number],
        "num_attention_heads": width // 16,
        "max_position_embeddings": TOKENS,
        "hidden_act": ("quick_gelu", "gelu")[number],
        "bos_token_id": start,
        "eos_token_id": end,
        "pad_token_id": end,
    }
