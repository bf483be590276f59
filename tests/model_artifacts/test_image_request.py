import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving.image_request import FIELDS, ImageRequest, read_image_request
from serving.recipe import Limits

from neuron_build.plan import find_recipe

RECIPE = replace(
    find_recipe("tiny-sdxl"),
    sizes=((128, 128), (160, 96)),
    steps=Limits(1, 8, 4),
    guidance_scale=Limits(0.0, 20.0, 5.0),
)
SECRET = "zqxjkvwz"
VALID: dict[str, Any] = {
    "prompt": f"{SECRET} at dawn",
    "negative_prompt": SECRET,
    "seed": 0,
    "steps": 4,
    "guidance_scale": 5.0,
    "width": 160,
    "height": 96,
}

unicode_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
valid_payloads = st.fixed_dictionaries(
    {
        "prompt": unicode_text.filter(str.strip),
        "negative_prompt": unicode_text,
        "seed": st.integers(0, 2**64 - 1),
        "steps": st.integers(1, 8),
        "guidance_scale": st.floats(0, 20) | st.integers(0, 20),
    }
).flatmap(
    lambda content: st.sampled_from(RECIPE.sizes).map(
        lambda size: content | {"width": size[0], "height": size[1]}
    )
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(valid_payloads)
def test_what_the_model_can_draw_is_read_as_it_was_written(payload: dict[str, Any]) -> None:
    request = read_image_request(json.dumps(payload), RECIPE)

    assert {name: getattr(request, name) for name in FIELDS} == payload
    assert isinstance(request.guidance_scale, float)


@given(st.sampled_from(FIELDS), json_values)
def test_any_value_in_any_field_is_read_or_refused_with_a_reason(field: str, value: object) -> None:
    payload = json.dumps(VALID | {field: value})
    try:
        request = read_image_request(payload, RECIPE)
    except ValueError:
        with pytest.raises(ValueError, match=f"cannot draw this request: .*{field}"):
            read_image_request(payload, RECIPE)
    else:
        assert getattr(request, field) == value


@given(json_values)
def test_any_json_is_read_or_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"the payload must be a JSON object|cannot draw this request"):
        read_image_request(json.dumps(value), RECIPE)


@given(st.binary(max_size=64))
def test_any_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"payload|cannot draw"):
        read_image_request(payload, RECIPE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompt": ""}, "prompt must not be empty"),
        ({"prompt": " \n"}, "prompt must not be empty"),
        ({"prompt": None}, "prompt must be a string, it is null"),
        ({"prompt": [SECRET]}, "prompt must be a string, it is an array"),
        ({"prompt": f"{SECRET}\0"}, "prompt must be Unicode text without NUL"),
        ({"negative_prompt": "\ud83d"}, "negative_prompt must be Unicode text"),
        ({"negative_prompt": {SECRET: 1}}, "negative_prompt must be a string, it is an object"),
        ({"seed": -1}, "seed must be 0 to 18446744073709551615, it is -1"),
        ({"seed": 2**64}, "seed must be 0 to 18446744073709551615, it is 18446744073709551616"),
        ({"seed": 10**4000}, r"it is 100000000000000000000000\.\.\. \(4001 characters\)"),
        ({"seed": True}, "seed must be an integer, it is a boolean"),
        ({"seed": "1"}, "seed must be an integer, it is a string"),
        ({"steps": 0}, "steps must be 1 to 8, it is 0"),
        ({"steps": 9}, "steps must be 1 to 8, it is 9"),
        ({"steps": 4.0}, "steps must be an integer, it is a number"),
        ({"guidance_scale": -0.1}, r"guidance_scale must be 0\.0 to 20\.0, it is -0\.1"),
        ({"guidance_scale": float("nan")}, r"guidance_scale must be 0\.0 to 20\.0, it is nan"),
        ({"guidance_scale": float("inf")}, "it is inf"),
        ({"guidance_scale": 10**400}, "guidance_scale must be 0.0 to 20.0"),
        ({"guidance_scale": "5"}, "guidance_scale must be a number, it is a string"),
        ({"width": 96, "height": 160}, "one of the sizes tiny-sdxl draws: 128x128, 160x96"),
        ({"width": 160.0}, "width and height must be one of the sizes"),
        ({"width": None}, "width and height must be one of the sizes"),
        ({SECRET: 1}, r"1 unknown field\(s\)"),
    ],
)
def test_a_refusal_says_the_rule_and_keeps_the_prompt_to_itself(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        read_image_request(json.dumps(VALID | change), RECIPE)

    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_to_be_there(field: str) -> None:
    payload = {name: value for name, value in VALID.items() if name != field}

    with pytest.raises(ValueError, match=f"missing: {field}"):
        read_image_request(json.dumps(payload), RECIPE)


def test_all_reasons_come_at_once() -> None:
    with pytest.raises(ValueError, match=r"steps.*guidance_scale.*width"):
        read_image_request(json.dumps(VALID | {"steps": 0, "guidance_scale": 99, "width": 1}), RECIPE)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (f'{{"prompt": "{SECRET}"', "no JSON"),
        (f'"{SECRET}"', "must be a JSON object"),
        ("", "no JSON"),
        ("[" * 100_000, "nested too deeply"),
        (b'"\xff"', "not UTF-8"),
        ('{"seed": ' + "9" * 5000 + "}", "no JSON"),
    ],
)
def test_what_is_no_json_object_is_refused(payload: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        read_image_request(payload, RECIPE)

    assert SECRET not in str(refusal.value)


def test_a_logged_request_shows_no_prompt() -> None:
    assert SECRET not in repr(ImageRequest(**VALID))
