"""Models small enough to fine-tune in a test: the shipped one, and a Stable Diffusion with random weights."""

from pathlib import Path

import pytest
import torch

from training.drawings import every_drawing
from training.lora.brand_mark import write_pictures
from training.pictures import Size
from training.tokenizer import learn_merges, vocabulary, write_tokenizer

SHIPPED = Path(__file__).resolve().parents[3] / "model_artifacts" / "models" / "tiny-sdxl"


@pytest.fixture(scope="session")
def tiny_sdxl() -> Path:
    return SHIPPED


@pytest.fixture(scope="session")
def mark_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mark")
    write_pictures(folder, 4, Size(64, 64), seed=1)
    return folder


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion 1.5's parts with random weights: one text encoder, noise prediction."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
    from diffusers.schedulers.scheduling_pndm import PNDMScheduler
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    folder = tmp_path_factory.mktemp("sd")
    merges = learn_merges({drawing.colour for drawing in every_drawing()})
    write_tokenizer(folder / "words", merges)
    torch.manual_seed(0)
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(block_out_channels=(8, 8, 8, 8), norm_num_groups=4, **_FOUR_LEVELS),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(vocabulary(merges)),
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
            )
        ),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "words"),
        unet=UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=16,
            attention_head_dim=2,
            norm_num_groups=4,
        ),
        scheduler=PNDMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            skip_prk_steps=True,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"


_FOUR_LEVELS = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
