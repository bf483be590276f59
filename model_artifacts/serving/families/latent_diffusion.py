"""What the families of Stable Diffusion share: latents, tokens, and a VAE decoder in two parts."""

from collections.abc import Mapping
from typing import Any

from serving.families import PartDefinition, TensorSpec
from serving.recipe import Recipe, Size


def token_inputs(recipe: Recipe, _: Size | None) -> tuple[TensorSpec, ...]:
    """Token numbers, the same for every size."""
    return (TensorSpec((1, recipe.dimensions.tokens), "int64"),)


def latents_and_timestep(recipe: Recipe, size: Size | None) -> tuple[TensorSpec, TensorSpec]:
    """The UNet's first two inputs. bfloat16 has no 999: the timestep is float32 whatever the UNet is."""
    return _latents(recipe, "unet", size), TensorSpec((1,), "float32")


def text_embeddings(recipe: Recipe, size: Size | None) -> TensorSpec:
    """What the UNet attends to."""
    dimensions = recipe.dimensions
    return TensorSpec((1, dimensions.tokens, dimensions.text), recipe.plan("unet", size).dtype)


def _latents(recipe: Recipe, part: str, size: Size | None) -> TensorSpec:
    if size is None:
        raise ValueError(f"{part} is compiled for a size")
    return TensorSpec(recipe.dimensions.latent_shape(size), recipe.plan(part, size).dtype)


def _decoder_inputs(recipe: Recipe, size: Size | None) -> tuple[TensorSpec, ...]:
    return (_latents(recipe, "vae_decoder", size),)


def _post_quant_conv_inputs(recipe: Recipe, size: Size | None) -> tuple[TensorSpec, ...]:
    return (_latents(recipe, "vae_post_quant_conv", size),)


def _decoder(vae: Any) -> Any:
    return vae.decoder


def _post_quant_conv(vae: Any) -> Any:
    return vae.post_quant_conv


DECODER_PARTS: Mapping[str, PartDefinition] = {
    "vae_decoder": PartDefinition("vae", _decoder, _decoder_inputs, sized=True),
    "vae_post_quant_conv": PartDefinition("vae", _post_quant_conv, _post_quant_conv_inputs, sized=True),
}
