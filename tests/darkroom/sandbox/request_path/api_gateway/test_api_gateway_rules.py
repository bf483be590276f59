from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from darkroom.sandbox.api_gateway.openapi import Integration, Operation
from darkroom.sandbox.api_gateway.routing import Routes
from darkroom.sandbox.api_gateway.security import Security
from darkroom.sandbox.api_gateway.throttling import Limit, Quotas, TokenBucket, period_start
from darkroom.sandbox.api_gateway.validation import body_errors

ROUTES = Routes(
    [
        ("/v1/images", "POST", "ask"),
        ("/v1/images/{id}", "GET", "read"),
        ("/v1/images/latest", "GET", "latest"),
        ("/files/{path+}", "ANY", "file"),
        ("/", "GET", "root"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/images/latest", ("latest", {})),
        ("GET", "/v1/images/1", ("read", {"id": "1"})),
        ("GET", "/v1/images/1%2F2", ("read", {"id": "1/2"})),
        ("PUT", "/files/a/b%20c", ("file", {"path": "a/b c"})),
        ("GET", "/", ("root", {})),
        ("GET", "/v1/images/", None),
        ("GET", "/v1/images/1/2", None),
        ("POST", "/v1/images/1", None),
        ("GET", "/files/", None),
        ("GET", "/V1/images/1", None),
    ],
)
def test_the_most_literal_resource_wins(method: str, path: str, expected: Any) -> None:
    assert ROUTES.match(method, path) == expected


@given(st.text(min_size=1))
def test_any_path_parameter_arrives_as_it_was_before_it_was_encoded(text: str) -> None:
    try:
        encoded = quote(text, safe="")
    except UnicodeEncodeError:
        return
    matched = ROUTES.match("GET", f"/v1/images/{encoded}")
    assert matched == (("latest", {}) if text == "latest" else ("read", {"id": text}))


@given(
    rate=st.floats(0.1, 1000),
    burst=st.integers(1, 1000),
    waits=st.lists(st.floats(0, 2), min_size=1, max_size=200),
)
def test_a_bucket_never_lets_more_through_than_its_burst_and_its_rate(
    rate: float, burst: int, waits: list[float]
) -> None:
    now = 0.0
    bucket = TokenBucket(Limit(rate, burst), lambda: now)
    admitted = 0
    for wait in waits:
        now += wait
        admitted += bucket.take()
        assert admitted <= burst + rate * now + 1e-6


@given(burst=st.integers(1, 100))
def test_a_full_bucket_lets_a_whole_burst_through(burst: int) -> None:
    bucket = TokenBucket(Limit(1, burst), lambda: 0.0)
    assert [bucket.take() for _ in range(burst + 1)] == [True] * burst + [False]


@pytest.mark.parametrize(
    ("period", "start"),
    [("DAY", (2026, 11, 18)), ("WEEK", (2026, 11, 15)), ("MONTH", (2026, 11, 1))],
)
def test_a_quota_period_is_a_calendar_one_in_utc(period: str, start: tuple[int, int, int]) -> None:
    wednesday = datetime(2026, 11, 18, 13, 30, tzinfo=UTC)
    assert period_start(period, wednesday) == datetime(*start, tzinfo=UTC)


def test_a_quota_is_used_up_and_comes_back_with_the_next_period() -> None:
    quotas = Quotas()
    quota = {"limit": 2, "period": "DAY"}
    evening, morning = datetime(2026, 11, 18, 23, 59, tzinfo=UTC), datetime(2026, 11, 19, 0, 0, tzinfo=UTC)
    assert [quotas.admits(("plan", "key"), quota, evening) for _ in range(3)] == [True, True, False]
    assert quotas.admits(("plan", "other"), quota, evening)
    assert quotas.admits(("plan", "key"), quota, morning)


def operation(schema: dict[str, Any]) -> Operation:
    return Operation(
        method="POST",
        resource_path="/",
        integration=Integration("arn", 29),
        security=Security(),
        required_parameters=(),
        validates_parameters=True,
        validates_body=True,
        body_required=True,
        models={"application/json": Draft4Validator(schema)},
    )


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["prompt", "steps", "more"]), inner),
        max_leaves=10,
    )
)
def test_a_body_is_refused_exactly_when_the_schema_refuses_it(value: Any) -> None:
    schema = {
        "type": "object",
        "required": ["prompt"],
        "additionalProperties": False,
        "properties": {
            "prompt": {"type": "string", "maxLength": 5},
            "steps": {"type": "array", "items": {"type": "integer", "minimum": 3}},
        },
    }
    errors = body_errors(operation(schema), "application/json; charset=utf-8", json.dumps(value).encode())
    assert bool(errors) == (not Draft4Validator(schema).is_valid(value))


@given(st.binary())
def test_any_bytes_are_judged_and_never_break_the_edge(body: bytes) -> None:
    errors = body_errors(operation({"type": "string"}), "", body)
    try:
        valid = isinstance(json.loads(body), str)
    except ValueError:
        valid = False
    assert bool(errors) == (not valid)
