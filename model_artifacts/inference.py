"""SageMaker's adapter: the four functions its Hugging Face and PyTorch inference toolkits call.

The toolkits import this file from the bundle's code/ folder, call model_fn(model_dir) once a worker,
then for each request predict_fn(input_fn(body, content_type), model), and answer with what
output_fn(prediction, accept) makes of it (aws/sagemaker-huggingface-inference-toolkit,
handler_service.py; aws/sagemaker-inference-toolkit, transformer.py).
"""

import functools
from pathlib import Path
from typing import Any

from serving.bundle import verify_bundle
from serving.image_request import ImageRequest, read_image_request
from serving.picture import CONTENT_TYPE, Picture
from serving.pipeline import draw, load_pipeline
from serving.recipe import Recipe, read_recipe

# Who reads a failure knows a refusal by this alone: the toolkits answer every exception with one status, the
# Hugging Face one with 400, the PyTorch one with 500.
REFUSED = "request refused: "


def model_fn(model_dir: str) -> Any:
    """Verify the bundle under model_dir, load its pipeline and draw once in every size.

    The first inference of a size is several times slower than the next: it must not be a client's.

    Raises:
        BundleError: a file of the bundle is missing, foreign, truncated or altered.
    """
    bundle = Path(model_dir)
    verify_bundle(bundle)
    pipeline = load_pipeline(bundle)
    recipe = _recipe()
    for width, height in recipe.sizes:
        draw(pipeline, _warm_up_request(recipe, width, height))
    return pipeline


def input_fn(body: str | bytes, content_type: str) -> ImageRequest:
    """Read a request; the toolkits decode JSON bodies to str, and leave them bytes with a charset.

    Raises:
        ValueError: the payload is not one this model can draw. Its text begins with REFUSED.
    """
    if _media_type(content_type) != "application/json":
        raise ValueError(f"{REFUSED}the content type must be application/json, it is {content_type!r:.80}")
    try:
        return read_image_request(body, _recipe())
    except ValueError as error:
        raise ValueError(f"{REFUSED}{error}") from None


def predict_fn(data: ImageRequest, model: Any) -> Picture:
    """Draw the request with the pipeline that model_fn returned."""
    return Picture(request=data, image=draw(model, data))


def output_fn(prediction: Picture, accept: str) -> bytes:
    """The picture's bytes.

    Raises:
        ValueError: the client does not accept PNG. The toolkits pass application/json where a client
            says nothing, so an invocation has to name image/png.
    """
    accepted = {_media_type(entry) for entry in accept.split(",")}
    if accepted.isdisjoint({CONTENT_TYPE, "image/*", "*/*"}):
        raise ValueError(
            f"this model answers {CONTENT_TYPE}; invoke it with Accept: {CONTENT_TYPE}, not {accept!r:.80}"
        )
    return prediction.to_png()


@functools.cache
def _recipe() -> Recipe:
    return read_recipe(Path(__file__).with_name("recipe.json"))


def _warm_up_request(recipe: Recipe, width: int, height: int) -> ImageRequest:
    return ImageRequest(
        prompt="warm-up",
        negative_prompt="",
        seed=0,
        steps=int(recipe.steps.minimum),
        guidance_scale=recipe.guidance_scale.default,
        width=width,
        height=height,
    )


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()
