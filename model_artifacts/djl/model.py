"""DJL Serving's adapter: handle(inputs), which the Python engine of a Large Model Inference container calls.

This file lies at the bundle's root beside serving.properties. The engine calls handle once with nothing in
it, to load the model, then once a request, in the main thread of a process of its own
(deepjavalibrary/djl-serving 0.30.0, engines/python/setup/djl_python_engine.py).
"""

import functools
import logging
import sys
from pathlib import Path
from typing import Any

from djl_python import Input, Output

BUNDLE = Path(__file__).absolute().parent
sys.path.insert(0, str(BUNDLE / "code"))

from serving.draining import StoppingError, drain  # noqa: E402 - it lies in the bundle
from serving.image_request import read_image_request  # noqa: E402
from serving.media_type import require_json, require_png  # noqa: E402
from serving.picture import CONTENT_TYPE, Picture  # noqa: E402
from serving.pipeline import draw  # noqa: E402
from serving.pipeline_call import as_image_request  # noqa: E402
from serving.recipe import Recipe, read_recipe  # noqa: E402
from serving.refusal import RefusalError  # noqa: E402
from serving.start import RECIPE, start  # noqa: E402


def handle(inputs: Input) -> Output | None:
    """Load the model, or draw a request.

    A request is the canonical payload or the container's own handler's (serving/pipeline_call.py). The answer
    is a PNG, or in the form of SageMaker's toolkits {"code", "type", "message"}: 400 for a payload that can't
    be drawn, 503 from a worker that is being stopped, 500 for a fault.

    Raises:
        BundleError, PinningError: at the first call; the engine then gives the model up.
        MemoryError: the engine answers 507.
    """
    pipeline = _pipeline()
    if inputs.is_empty():
        return None
    try:
        drain.begin()
        output = Output().add_property("content-type", CONTENT_TYPE).add(_drawn(inputs, pipeline))
    except StoppingError as error:
        return _failure(503, error)
    except ValueError as error:
        output = _failure(400, error)
    except MemoryError:
        drain.end()
        raise
    except Exception as error:
        logging.exception("the picture could not be drawn")
        output = _failure(500, error)
    # The engine calls this when it has sent the answer.
    finished: Output = output.finalize(functools.partial(drain.end, answered=True))
    return finished


def _drawn(inputs: Input, pipeline: Any) -> bytes:
    """The picture that a request asks for, as PNG.

    Raises:
        ValueError: the request can't be drawn, or its client takes no PNG.
    """
    require_json(inputs.get_property("Content-Type") or "")
    # A client that says nothing gets what there is.
    require_png(inputs.get_property("Accept") or CONTENT_TYPE)
    try:
        payload = as_image_request(bytes(inputs.get_as_bytes()), _recipe())
        request = read_image_request(payload, _recipe())
    except ValueError as error:
        raise RefusalError(error) from None
    try:
        return Picture(request=request, image=draw(pipeline, request)).to_png()
    except ValueError as error:
        # Not the payload's fault: that was found good.
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


def _failure(code: int, error: Exception) -> Output:
    body = {"code": code, "type": type(error).__name__, "message": str(error)}
    return (
        Output(code=code, message="request failed")
        .add_property("content-type", "application/json")
        .add_as_json(body)
    )


@functools.cache
def _pipeline() -> Any:
    drain.install()
    return start(BUNDLE)


@functools.cache
def _recipe() -> Recipe:
    return read_recipe(BUNDLE / RECIPE)
