"""Pictures through the four functions that SageMaker's toolkit calls."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from serving.bundle import BundleError

Invoke = Callable[[dict[str, Any]], bytes]
Payload = dict[str, Any]

# What CLIP cuts off a long prompt, diffusers would log word by word.
TAIL = "violetheron"
LONG_PROMPT = "a very long description of a quiet harbour " * 4 + TAIL


def pixels(png: bytes) -> npt.NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=np.int16)


def difference(one: bytes, other: bytes) -> float:
    """Mean absolute difference of two pictures' channels, of 255."""
    return float(np.abs(pixels(one) - pixels(other)).mean())


def test_the_same_request_is_the_same_bytes(invoke: Invoke, payload: Payload) -> None:
    first = invoke(payload)
    invoke(payload | {"seed": 8, "steps": 2})

    assert invoke(payload) == first


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", "a red bicycle in the rain"),
        ("prompt", "東京の夜景"),
        ("negative_prompt", "blurred, grey"),
        ("seed", 8),
        ("seed", 2**64 - 1),
        ("steps", 1),
        ("steps", 8),
        ("guidance_scale", 0.0),
        ("guidance_scale", 12.5),
    ],
)
def test_each_parameter_changes_the_picture(
    invoke: Invoke, payload: Payload, field: str, value: object
) -> None:
    assert difference(invoke(payload), invoke(payload | {field: value})) > 2


def test_pictures_have_colours_and_shapes(invoke: Invoke, payload: Payload) -> None:
    drawn = pixels(invoke(payload))

    assert drawn.std() > 30
    # Neighbours are alike: it is shapes, not noise.
    assert np.abs(np.diff(drawn, axis=1)).mean() < drawn.std() / 4


@pytest.mark.parametrize(("width", "height"), [(128, 128), (160, 96), (96, 160)])
def test_a_picture_has_the_size_asked_for(invoke: Invoke, payload: Payload, width: int, height: int) -> None:
    picture = Image.open(io.BytesIO(invoke(payload | {"width": width, "height": height})))

    assert picture.format == "PNG"
    assert picture.size == (width, height)


def test_a_picture_says_how_to_draw_it_again(invoke: Invoke, payload: Payload) -> None:
    asked = payload | {"prompt": "un phare à l'aube", "negative_prompt": "туман", "guidance_scale": 7}

    text = Image.open(io.BytesIO(invoke(asked))).text  # type: ignore[attr-defined]

    assert text == {
        "prompt": "un phare à l'aube",
        "negative_prompt": "туман",
        "seed": "7",
        "steps": "4",
        "guidance_scale": "7.0",
        "width": "128",
        "height": "128",
    }


def test_another_worker_draws_the_same_bytes_and_logs_no_prompt(
    invoke: Invoke, bundle: Path, payload: Payload, tmp_path: Path
) -> None:
    asked = payload | {"prompt": LONG_PROMPT}
    worker = """
import json, os, sys
bundle = sys.argv[1]
sys.path[:0] = [bundle + "/code"]
import inference
model = inference.model_fn(bundle)
data = inference.input_fn(os.environ["PAYLOAD"].encode(), "application/json; charset=utf-8")
with open("picture.png", "wb") as file:
    file.write(inference.output_fn(inference.predict_fn(data, model), "image/*"))
print(data, "imported from", inference.read_image_request.__code__.co_filename)
"""
    finished = subprocess.run(
        [sys.executable, "-c", worker, str(bundle)],
        cwd=tmp_path,
        env={"PAYLOAD": json.dumps(asked), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert str(bundle / "code/serving/image_request.py") in finished.stdout
    assert (tmp_path / "picture.png").read_bytes() == invoke(asked)
    assert TAIL not in finished.stdout + finished.stderr


def test_a_bundle_that_is_not_whole_is_not_loaded(
    toolkit_module: ModuleType, bundle: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(bundle, tmp_path / "bundle")
    part = broken / "parts/unet-128x128.pt"
    part.write_bytes(part.read_bytes()[:-100])

    with pytest.raises(BundleError, match=r"parts/unet-128x128\.pt"):
        toolkit_module.model_fn(str(broken))


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
@pytest.mark.parametrize("encode", [str, str.encode])
def test_a_payload_is_read_as_text_and_as_bytes(
    toolkit_module: ModuleType, payload: Payload, content_type: str, encode: Callable[[str], str | bytes]
) -> None:
    request = toolkit_module.input_fn(encode(json.dumps(payload)), content_type)

    assert (request.prompt, request.seed, request.width) == ("a lighthouse at dawn", 7, 128)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-npy", ""])
def test_another_content_type_is_refused(
    toolkit_module: ModuleType, payload: Payload, content_type: str
) -> None:
    with pytest.raises(ValueError, match=r"^request refused: the content type must be application/json"):
        toolkit_module.input_fn(json.dumps(payload), content_type)


@pytest.mark.parametrize("steps", [0, 9])
def test_the_bundles_own_recipe_limits_what_is_drawn(
    toolkit_module: ModuleType, payload: Payload, steps: int
) -> None:
    with pytest.raises(ValueError, match=f"^request refused: .*steps must be 1 to 8, it is {steps}"):
        toolkit_module.input_fn(json.dumps(payload | {"steps": steps}), "application/json")


@pytest.mark.parametrize("accept", ["image/png", "*/*", "image/*;q=0.8", "text/html, image/png;q=0.9"])
def test_whoever_accepts_png_gets_png(
    toolkit_module: ModuleType, invoke: Invoke, payload: Payload, accept: str
) -> None:
    png = invoke(payload)
    request = toolkit_module.input_fn(json.dumps(payload), "application/json")
    picture = toolkit_module.Picture(request=request, image=Image.open(io.BytesIO(png)))

    assert toolkit_module.output_fn(picture, accept) == png


@pytest.mark.parametrize("accept", ["application/json", "image/jpeg", ""])
def test_whoever_does_not_accept_png_is_told_what_to_ask_for(
    toolkit_module: ModuleType, payload: Payload, accept: str
) -> None:
    request = toolkit_module.input_fn(json.dumps(payload), "application/json")
    picture = toolkit_module.Picture(request=request, image=Image.new("RGB", (128, 128)))

    with pytest.raises(ValueError, match="invoke it with Accept: image/png"):
        toolkit_module.output_fn(picture, accept)
