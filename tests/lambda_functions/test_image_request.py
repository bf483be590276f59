"""One canonical form a request, and every error of a wrong one at once."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_api.image_request import FIELDS, parse
from image_api.problem import FieldError, Problem
from image_api.settings import parse_rules

from stacks.openapi import openapi_document
from tests.lambda_functions.local_campaign import RULES

RULES_READ = parse_rules(json.dumps(RULES))
NO_CONTROLS = "^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]*$"
# The same rules written as an edge writes them: JSON Schema draft 4, which API Gateway validates with.
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["prompt"],
    "properties": {
        "prompt": {
            "type": "string",
            "maxLength": 100,
            "allOf": [{"pattern": NO_CONTROLS}, {"pattern": "\\S"}],
        },
        "negative_prompt": {"type": "string", "maxLength": 100, "pattern": NO_CONTROLS},
        "seed": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
        "steps": {"type": "integer", "minimum": 1, "maximum": 8},
        "guidance_scale": {"type": "number", "minimum": 0, "maximum": 20},
        "width": {"type": "integer", "enum": [128]},
        "height": {"type": "integer", "enum": [128, 256]},
    },
}
EDGE = jsonschema.Draft4Validator(SCHEMA)


def errors_of(body: Any) -> list[FieldError]:
    with pytest.raises(Problem) as caught:
        parse(body, RULES_READ)
    assert caught.value.status == 400
    return list(caught.value.errors)


def text(**limits: Any) -> st.SearchStrategy[str]:
    # Without the few characters that grow in normal form C: the edge knows nothing of normal forms.
    return st.text(st.characters(exclude_categories=("Cc", "Cs")), **limits).filter(
        lambda value: len(unicodedata.normalize("NFC", value.strip())) <= 100
    )


valid_requests = st.fixed_dictionaries(
    {"prompt": text(min_size=1, max_size=100).filter(lambda value: value.strip() != "")},
    optional={
        "negative_prompt": text(max_size=100),
        "seed": st.integers(0, 2**32 - 1),
        "steps": st.integers(1, 8),
        "guidance_scale": st.floats(0, 20) | st.integers(0, 20),
        "height": st.sampled_from([128, 256]),
    },
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 300)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None, exclude_categories=()), max_size=120),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(valid_requests)
def test_the_canonical_form_is_its_own_canonical_form(body: dict[str, Any]) -> None:
    request = parse(body, RULES_READ)
    again = parse(json.loads(request.canonical_json()), RULES_READ)
    assert again == request
    assert again.canonical_json() == request.canonical_json()
    assert set(asdict(request)) == set(FIELDS)


@given(valid_requests, st.randoms(use_true_random=False))
def test_the_order_of_fields_makes_no_difference(body: dict[str, Any], random: Any) -> None:
    names = list(body)
    random.shuffle(names)
    shuffled = {name: body[name] for name in names}
    assert parse(shuffled, RULES_READ).job_id("model") == parse(body, RULES_READ).job_id("model")


@given(valid_requests)
def test_naming_a_default_makes_no_difference(body: dict[str, Any]) -> None:
    explicit = {
        "negative_prompt": "",
        "seed": 0,
        "steps": 4,
        "guidance_scale": 5.0,
        "width": 128,
        "height": 128,
        **body,
    }
    assert parse(explicit, RULES_READ) == parse(body, RULES_READ)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys((*FIELDS, "colour"), json_values))
    | st.builds(
        lambda body, other: {**body, **other},
        valid_requests,
        st.dictionaries(st.sampled_from([*FIELDS, "colour"]), json_values, max_size=1),
    )
    | json_values
)
def test_the_function_accepts_what_the_edge_accepts_and_nothing_else(body: Any) -> None:
    if EDGE.is_valid(body) and all(fits_normalized(body, name) for name in ("prompt", "negative_prompt")):
        parse(body, RULES_READ)
    else:
        assert errors_of(body)


def fits_normalized(body: dict[str, str], name: str) -> bool:
    """What only the function checks: how long a text is in normal form C."""
    return len(unicodedata.normalize("NFC", body.get(name, ""))) <= 100


@given(valid_requests)
def test_the_edge_lets_through_what_the_function_accepts(body: dict[str, Any]) -> None:
    parse(body, RULES_READ)
    document = openapi_document(title="demo", rules=RULES, integration_uri="arn")
    jsonschema.Draft4Validator(document["components"]["schemas"]["ImageRequest"]).validate(body)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"prompt": "fox"}, {"prompt": "  fox\u3000"}),
        ({"prompt": "caf\u00e9"}, {"prompt": "cafe\u0301"}),
        ({"prompt": "fox", "guidance_scale": 7}, {"prompt": "fox", "guidance_scale": 7.0}),
        ({"prompt": "fox", "guidance_scale": 0}, {"prompt": "fox", "guidance_scale": -0.0}),
    ],
    ids=["trimmed", "normal form C", "a whole number", "a negative zero"],
)
def test_two_ways_of_writing_a_request_are_one_job(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert parse(one, RULES_READ).job_id("model") == parse(other, RULES_READ).job_id("model")


def test_another_model_is_another_job() -> None:
    request = parse({"prompt": "fox"}, RULES_READ)
    assert request.job_id("model-a") != request.job_id("model-b")
    assert len(request.job_id("model-a")) == 32


def test_every_error_is_told_at_once() -> None:
    errors = errors_of(
        {
            "negative_prompt": 5,
            "seed": -1,
            "steps": 99,
            "guidance_scale": "high",
            "width": 640,
            "colour": "blue",
        }
    )
    assert {(error.path, error.rule) for error in errors} == {
        ("/prompt", "required"),
        ("/negative_prompt", "type"),
        ("/seed", "minimum"),
        ("/steps", "maximum"),
        ("/guidance_scale", "type"),
        ("/width", "enum"),
        ("/colour", "additionalProperties"),
    }
    steps = next(error for error in errors if error.path == "/steps")
    assert (steps.value, steps.expected) == (99, "from 1 to 8")
    assert "128x256" in next(error for error in errors if error.path == "/width").expected


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("prompt", "", "minLength"),
        ("prompt", " \u00a0 ", "minLength"),
        ("prompt", None, "type"),
        ("prompt", ["fox"], "type"),
        ("prompt", "x" * 101, "maxLength"),
        ("prompt", "\u0958" * 51, "maxLength"),  # two code points each in normal form C
        ("prompt", "a\x00b", "pattern"),
        ("prompt", "a\nb", "pattern"),
        ("prompt", "a\x85b", "pattern"),
        ("prompt", "a\ud800b", "pattern"),
        ("negative_prompt", "x" * 101, "maxLength"),
        ("seed", True, "type"),
        ("seed", 1.0, "type"),
        ("seed", "1", "type"),
        ("seed", 2**32, "maximum"),
        ("seed", 10**400, "maximum"),
        ("steps", False, "type"),
        ("steps", 0, "minimum"),
        ("guidance_scale", True, "type"),
        ("guidance_scale", float("inf"), "maximum"),
        ("guidance_scale", float("-inf"), "minimum"),
        ("guidance_scale", 10**400, "maximum"),
        ("height", 128.0, "type"),
        ("height", 129, "enum"),
        ("height", 10**400, "enum"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_field_that_breaks_a_rule_is_named_with_it(field: str, value: Any, rule: str) -> None:
    (error,) = errors_of({"prompt": "fox", field: value})
    assert (error.path, error.rule) == (f"/{field}", rule)
    assert len(json.dumps(error.as_dict())) < 300


@pytest.mark.parametrize("body", [None, True, 5, "fox", ["fox"], []])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert [error.rule for error in errors_of(body)] == ["type"]


def test_a_refusal_never_repeats_the_prompt() -> None:
    secret = "the launch is on the fourth of May"
    bodies: list[dict[str, Any]] = [
        {"prompt": secret + "\x07"},
        {"prompt": secret * 4},
        {"prompt": [secret]},
        {"prompt": "fox", "negative_prompt": secret * 4},
        {"prompt": "fox", "steps": secret},
        {"prompt": "fox", "size": {"note": secret}},
    ]
    for body in bodies:
        assert secret not in json.dumps([error.as_dict() for error in errors_of(body)])


def test_thousands_of_unknown_fields_make_a_short_answer() -> None:
    errors = errors_of({"prompt": "fox"} | {f"{number}" * 100: 1 for number in range(1000, 3000)})
    assert len(json.dumps([error.as_dict() for error in errors])) < 5000
