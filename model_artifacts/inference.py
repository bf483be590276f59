"""SageMaker's adapter: the four functions its Hugging Face and PyTorch inference toolkits call.

The toolkits import this file from the bundle's code/ folder, call model_fn(model_dir) once a worker,
then for each request predict_fn(input_fn(body, content_type), model), and answer with what
output_fn(prediction, accept) makes of it (aws/sagemaker-huggingface-inference-toolkit,
handler_service.py; aws/sagemaker-inference-toolkit, transformer.py).
"""

import functools
from pathlib import Path
from typing import Any

from serving.draining import drain
from serving.image_request import ImageRequest, read_image_request
from serving.media_type import require_json, require_png
from serving.picture import Picture
from serving.pipeline import draw
from serving.recipe import Recipe, read_recipe
from serving.refusal import RefusalError
from serving.start import start


def model_fn(model_dir: str) -> Any:
    """Verify the bundle under model_dir, load its pipeline and draw once in every size.

    Raises:
        BundleError: a file of the bundle is missing, foreign, truncated or altered, or it is too new.
        PinningError: the worker has not the NeuronCores that the bundle was compiled for.
    """
    drain.install()
    return start(Path(model_dir))


def input_fn(body: str | bytes, content_type: str) -> ImageRequest:
    """Read a request; the toolkits decode JSON bodies to str, and leave them bytes with a charset.

    Raises:
        RefusalError: the payload is not one this model can draw.
        StoppingError: the worker has been told to stop.
    """
    drain.begin()
    try:
        require_json(content_type)
        return read_image_request(body, _recipe())
    except ValueError as error:
        drain.end()
        raise error if isinstance(error, RefusalError) else RefusalError(error) from None


def predict_fn(data: ImageRequest, model: Any) -> Picture:
    """Draw the request with the pipeline that model_fn returned."""
    try:
        return Picture(request=data, image=draw(model, data))
    except BaseException:
        drain.end()
        raise


def output_fn(prediction: Picture, accept: str) -> bytes:
    """The picture's bytes.

    Raises:
        ValueError: the client does not accept PNG. The toolkits pass application/json where a client
            says nothing, so an invocation has to name image/png.
    """
    try:
        require_png(accept)
        return prediction.to_png()
    finally:
        drain.end()


@functools.cache
def _recipe() -> Recipe:
    return read_recipe(Path(__file__).with_name("recipe.json"))
