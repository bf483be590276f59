"""From a bundle's folder to a pipeline whose first picture is as fast as the next."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.bundle import verify_bundle
from serving.image_request import ImageRequest
from serving.pinning import check_pinning
from serving.pipeline import draw, load_pipeline
from serving.recipe import Recipe, read_recipe
from serving.versions import check_versions

RECIPE = "code/recipe.json"


def start(bundle: Path) -> Any:
    """Verify a bundle, load its pipeline and draw once in every size.

    The first inference of a size is several times slower than the next: it must not be a client's.

    Raises:
        BundleError: a file is missing, foreign, truncated or altered, or the container is too old for it.
        PinningError: the environment does not give the worker the NeuronCores its parts were compiled for.
    """
    manifest = verify_bundle(bundle)
    check_versions(manifest.versions)
    recipe = read_recipe(bundle / RECIPE)
    if manifest.compiler == "neuron":
        check_pinning(recipe.neuron_cores_per_worker, os.environ)
    pipeline = load_pipeline(bundle)
    for request in _warm_up_requests(recipe):
        draw(pipeline, request)
    return pipeline


def _warm_up_requests(recipe: Recipe) -> Iterator[ImageRequest]:
    """One request a size, with guidance as most requests have it and as few steps as the model allows."""
    for width, height in recipe.sizes:
        yield ImageRequest(
            prompt="warm-up",
            negative_prompt="",
            seed=0,
            steps=int(recipe.steps.minimum),
            guidance_scale=recipe.guidance_scale.default,
            width=width,
            height=height,
        )
