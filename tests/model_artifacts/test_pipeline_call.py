import json
from typing import Any

import pytest
from serving.image_request import read_image_request
from serving.pipeline_call import as_image_request
from serving.recipe import read_recipe

from neuron_build.plan import RECIPES

RECIPE = read_recipe(RECIPES / "tiny-sdxl.json")


def test_a_pipelines_parameters_get_our_names() -> None:
    parameters = {
        "negative_prompt": "grey",
        "num_inference_steps": 3,
        "guidance_scale": 2.5,
        "width": 160,
        "height": 96,
        "seed": 9,
    }
    request = read_image_request(
        as_image_request(json.dumps({"prompt": "a harbour", "parameters": parameters}), RECIPE), RECIPE
    )

    assert (request.prompt, request.negative_prompt) == ("a harbour", "grey")
    assert (request.steps, request.guidance_scale, request.seed) == (3, 2.5, 9)
    assert (request.width, request.height) == (160, 96)


@pytest.mark.parametrize("payload", [{"prompt": "a harbour"}, {"prompt": "a harbour", "parameters": None}])
def test_what_is_left_open_is_the_recipes_default(payload: dict[str, Any]) -> None:
    request = read_image_request(as_image_request(json.dumps(payload).encode(), RECIPE), RECIPE)

    assert (request.steps, request.guidance_scale, request.seed) == (8, 2.5, 0)
    assert (request.width, request.height) == RECIPE.sizes[0]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"num_images_per_prompt": 4}, "1 unknown field"),
        ({"num_inference_steps": 99}, "steps must be 1 to 8, it is 99"),
        ({"width": 100}, "width and height must be one of the sizes"),
    ],
)
def test_what_the_model_cannot_draw_is_refused_as_ever(parameters: dict[str, Any], reason: str) -> None:
    payload = as_image_request(json.dumps({"prompt": "a harbour", "parameters": parameters}), RECIPE)

    with pytest.raises(ValueError, match=reason):
        read_image_request(payload, RECIPE)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'{"inputs": 1}',
        b'{"prompt": 1, "parameters": []',
        b'{"prompt": "a", "parameters": [1]}',
        b'{"prompt": "a", "seed": 1}',
        b"[" * 100_000,
    ],
)
def test_any_other_payload_is_left_to_its_reader(payload: bytes) -> None:
    assert as_image_request(payload, RECIPE) == payload
