"""Bodies that JSON leaves open are refused, never guessed at and never a fault."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_api.json_body import read
from image_api.problem import Problem

from tests.lambda_functions.local_campaign import Campaign

MAXIMUM = 20_000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ("", 400),
        ("  ", 400),
        ("{", 400),
        ("{'prompt': 'fox'}", 400),
        ('{"prompt": "fox"} extra', 400),
        ('{"prompt": "fox", "prompt": "hound"}', 400),
        ('{"a": {"b": 1, "b": 2}}', 400),
        ('{"guidance_scale": NaN}', 400),
        ('{"guidance_scale": -Infinity}', 400),
        ('\ufeff{"prompt": "fox"}', 400),
        ("[" * 15_000, 400),
        ('{"a":' * 3_000, 400),
        ('{"prompt": "a\nb"}', 400),
        ('{"prompt": "' + "x" * MAXIMUM + '"}', 413),
        ("x" * 1_000_000, 413),
    ],
)
def test_a_body_that_is_not_one_plain_json_value_is_refused(body: str | None, status: int) -> None:
    with pytest.raises(Problem) as caught:
        read(body, is_base64=False, maximum=MAXIMUM)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "body",
    [
        "not base64!",
        base64.b64encode(b"\xff\xfe{\x00}\x00").decode(),
        base64.b64encode('{"prompt": "fox"}'.encode("utf-16")).decode(),
        base64.b64encode(b'{"prompt": "\xc3\x28"}').decode(),
        base64.b64encode(b'{"prompt": "\xed\xa0\x80"}').decode(),
    ],
    ids=["no base64", "UTF-16", "UTF-16 with a mark", "cut UTF-8", "a surrogate in UTF-8"],
)
def test_an_encoded_body_that_is_not_utf_8_is_refused(body: str) -> None:
    with pytest.raises(Problem) as caught:
        read(body, is_base64=True, maximum=MAXIMUM)
    assert caught.value.status == 400


@pytest.mark.parametrize(("digits", "value"), [("9" * 5000, float("inf")), ("-" + "9" * 5000, float("-inf"))])
def test_a_number_too_long_to_read_is_out_of_every_range(digits: str, value: float) -> None:
    assert read(f'{{"seed": {digits}}}', is_base64=False, maximum=MAXIMUM) == {"seed": value}


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=5))
def test_what_json_can_say_is_read_as_json_reads_it(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    assert read(text, is_base64=False, maximum=10**6) == value
    assert read(base64.b64encode(text.encode()).decode(), is_base64=True, maximum=10**6) == value


fragments = st.lists(
    st.sampled_from(
        [
            b'{"prompt":',
            b'"fox"',
            b"}",
            b",",
            b'"seed":',
            b"1e999",
            b"NaN",
            b"-",
            b"[" * 300,
            b"\\ud800",
            b"\xff",
        ]
    )
    | st.binary(max_size=20),
    max_size=12,
).map(b"".join)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raw=fragments, encoded=st.booleans(), claimed=st.booleans())
def test_whatever_bytes_come_the_answer_is_a_2xx_or_a_4xx(
    campaign: Campaign, raw: bytes, encoded: bool, claimed: bool
) -> None:
    text = base64.b64encode(raw).decode() if encoded else raw.decode("utf-8", "surrogateescape")
    before = len(campaign.rows())
    response = campaign.post(text, raw=True, isBase64Encoded=claimed)
    assert response["statusCode"] // 100 in (2, 4), response
    document = json.loads(response["body"])
    if response["statusCode"] >= 400:
        assert document["status"] == response["statusCode"]
        assert len(campaign.rows()) == before, "a refused request must write nothing"
