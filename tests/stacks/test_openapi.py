"""The document that the edge validates with: good OpenAPI, and of one mind with the function."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_api import image_request, problem
from image_api.settings import parse_rules
from openapi_spec_validator import OpenAPIV30SpecValidator

from stacks.openapi import openapi_document

RULES: dict[str, Any] = {
    "prompt_maximum": 1000,
    "sizes": [[512, 512], [768, 768]],
    "width": 512,
    "height": 512,
    "steps": {"minimum": 10, "maximum": 100, "default": 30},
    "guidance_scale": {"minimum": 1.0, "maximum": 20.0, "default": 7.5},
}
DOCUMENT = openapi_document(title="demo", rules=RULES, integration_uri="arn:aws:apigateway:x")
EDGE = jsonschema.Draft4Validator(DOCUMENT["components"]["schemas"]["ImageRequest"])


def _function_takes(body: Any) -> bool:
    try:
        image_request.parse(body, parse_rules(json.dumps(RULES)))
    except problem.Problem:
        return False
    return True


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV30SpecValidator(DOCUMENT).validate()


def test_every_method_needs_a_key_and_is_validated() -> None:
    assert DOCUMENT["x-amazon-apigateway-request-validator"] == "all"
    for path in DOCUMENT["paths"].values():
        for method in path.values():
            assert method["security"] == [{"api_key": []}]
            assert method["x-amazon-apigateway-integration"]["type"] == "aws_proxy"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "prompt",
        {"prompt": ""},
        {"prompt": 1},
        {"prompt": "x" * 1001},
        {"prompt": "x", "size": 512},
        {"prompt": "x", "seed": -1},
        {"prompt": "x", "seed": 2**32},
        {"prompt": "x", "seed": True},
        {"prompt": "x", "steps": 9},
        {"prompt": "x", "steps": "30"},
        {"prompt": "x", "guidance_scale": 20.5},
        {"prompt": "x", "width": 513},
        {"prompt": "x", "negative_prompt": None},
    ],
)
def test_the_edge_and_the_function_refuse_the_same(body: Any) -> None:
    assert not EDGE.is_valid(body)
    assert not _function_takes(body)


NUMBERS = st.one_of(st.integers(-10, 2**33), st.floats(allow_nan=False, allow_infinity=False, width=32))


@given(
    st.fixed_dictionaries(
        {"prompt": st.text(max_size=20)},
        optional={
            "negative_prompt": st.text(max_size=20),
            "seed": NUMBERS,
            "steps": NUMBERS,
            "guidance_scale": NUMBERS,
            "width": st.sampled_from([512, 768, 640]),
            "height": st.sampled_from([512, 768, 640]),
        },
    )
)
def test_what_the_function_takes_the_edge_lets_through(body: dict[str, Any]) -> None:
    if _function_takes(body):
        assert EDGE.is_valid(body)


def test_every_refusal_of_the_edge_is_a_problem_document() -> None:
    for name, response in DOCUMENT["x-amazon-apigateway-gateway-responses"].items():
        assert response["responseParameters"] == {
            "gatewayresponse.header.Content-Type": "'application/problem+json'"
        }
        template = response["responseTemplates"]["application/json"]
        # messageString comes with its quotes, and nothing else is replaced.
        body = json.loads(template.replace("$context.error.messageString", '"text"'))
        assert "$" not in json.dumps(body)
        assert {"type", "title", "detail"} <= body.keys(), name
        assert body.get("status") == (int(response["statusCode"]) if "statusCode" in response else None)


def test_a_refused_body_is_told_the_rules_and_never_what_it_said() -> None:
    refused = DOCUMENT["x-amazon-apigateway-gateway-responses"]["BAD_REQUEST_BODY"]
    template = refused["responseTemplates"]["application/json"]
    assert "$context" not in template
    for rule in ("1 to 1000 characters", "steps (10 to 100)", "guidance_scale (1 to 20)", "512x512, 768x768"):
        assert rule in json.loads(template)["detail"]


def test_every_status_of_a_method_is_one_that_api_gateway_takes() -> None:
    for path in DOCUMENT["paths"].values():
        for method in path.values():
            assert all(re.fullmatch(r"[1-5]\d\d", status) for status in method["responses"])
