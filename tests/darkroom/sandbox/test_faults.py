"""Faults are ordered by name, counted or by chance, and repeat."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.sandbox.callers import Caller, forget, let_in
from darkroom.sandbox.clock import Clock
from darkroom.sandbox.context import Context, Settings
from darkroom.sandbox.faults import Faults
from darkroom.sandbox.front_door import operation, with_faults
from darkroom.sandbox.lambda_runtime.skewed_clock import skew
from darkroom.sandbox.occasions import Occasions


@given(count=st.integers(0, 20), occasions=st.integers(0, 30))
def test_a_number_comes_to_so_many_of_the_next_occasions(count: int, occasions: int) -> None:
    faults = Faults()
    faults.order({"kill_workers": count})
    hit = [faults.take("kill_workers") for _ in range(occasions)]
    assert hit == [n < count for n in range(occasions)]
    assert faults.as_dict()["kill_workers"] == max(0, count - occasions)


@given(probability=st.floats(0, 1), seed=st.integers(0, 1000), count=st.none() | st.integers(0, 50))
def test_a_probability_repeats_with_its_seed_and_ends_with_its_count(
    probability: float, seed: int, count: int | None
) -> None:
    ordered = {"probability": probability, "seed": seed, "count": count}
    runs = []
    for _ in range(2):
        occasions = Occasions.parse("x", ordered)
        runs.append([occasions.take() for _ in range(200)])
    assert runs[0] == runs[1]
    if count is not None:
        assert sum(runs[0]) <= count
    if probability in (0, 1):
        assert set(itertools.islice(runs[0], count)) <= {bool(probability)}


def test_a_call_fault_comes_to_its_calls_after_those_that_pass() -> None:
    faults = Faults()
    faults.order(
        {
            "calls": [
                {"kind": "throttle", "function": "front", "operation": "PutItem", "after": 1, "occasions": 2}
            ]
        }
    )
    calls = [
        faults.of_call(*call)
        for call in [
            ("demo-FrontFunction1A", "dynamodb", "PutItem"),  # passes first
            ("demo-completion", "dynamodb", "PutItem"),
            ("demo-front", "dynamodb", "GetItem"),
            ("demo-front", "dynamodb", "PutItem"),
            ("demo-front", "dynamodb", "PutItem"),
            ("demo-front", "dynamodb", "PutItem"),
        ]
    ]
    assert calls == [None, None, None, "throttle", "throttle", None]
    assert faults.as_dict()["calls"][0]["seen"] == 4


@pytest.mark.parametrize(
    ("ordered", "told"),
    [
        ({"kill_worker": 1}, "there are"),
        ({"kill_workers": True}, "how many"),
        ({"kill_workers": {"probability": 2}}, "from 0 to 1"),
        ({"kill_workers": {"seed": 2}}, "probability"),
        ({"kill_workers": {"probability": 0.5, "seed": -1}}, "whole numbers"),
        ({"poison": 3}, "give a str"),
        ({"clock_skew": 3}, "by function"),
        ({"clock_skew": {"front": "far"}}, "give seconds"),
        ({"calls": {}}, "give a list"),
        ({"calls": [{"kind": "explode"}]}, "there are throttle"),
        ({"calls": [{"kind": "fail", "after": -1}]}, "how many calls"),
        ({"calls": [{"kind": "fail", "service": 1}]}, "give a text"),
        ({"calls": [{"kind": "fail", "when": 1}]}, "give an object of"),
    ],
)
def test_a_wrong_order_is_refused_whole_with_what_would_be_right(ordered: Any, told: str) -> None:
    faults = Faults()
    with pytest.raises(ValueError, match=told):
        faults.order({"drop_notifications": 3, **ordered})
    assert not any(faults.as_dict().values()), "nothing of it is taken"


@pytest.mark.parametrize(
    ("service", "environ", "name"),
    [
        ("dynamodb", {"HTTP_X_AMZ_TARGET": "DynamoDB_20120810.UpdateItem"}, "UpdateItem"),
        ("sqs", {"HTTP_X_AMZ_TARGET": "AmazonSQS.SendMessage"}, "SendMessage"),
        ("s3", {"REQUEST_METHOD": "PUT", "PATH_INFO": "/bucket/payloads/1.json"}, "PutObject"),
        ("s3", {"REQUEST_METHOD": "HEAD", "PATH_INFO": "/bucket/pictures/1.png"}, "HeadObject"),
        (
            "sagemaker",
            {"REQUEST_METHOD": "POST", "PATH_INFO": "/endpoints/demo/async-invocations"},
            "InvokeEndpointAsync",
        ),
        (
            "sagemaker",
            {"REQUEST_METHOD": "POST", "PATH_INFO": "/endpoints/demo/invocations"},
            "InvokeEndpoint",
        ),
        ("s3", {"REQUEST_METHOD": "GET", "PATH_INFO": "/bucket"}, "GET /bucket"),
    ],
)
def test_the_operation_of_a_request(service: str, environ: dict[str, Any], name: str) -> None:
    assert operation(service, environ) == name


def environ_of(access_key: str, service: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": "/bucket/key",
        "HTTP_AUTHORIZATION": (
            f"AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/{service}/aws4_request,"
        ),
    }


@pytest.mark.parametrize(
    ("kind", "done", "crashed", "status"),
    [
        ("throttle", 0, 0, "503 Slow Down"),
        ("fail", 0, 0, "500 Internal Server Error"),
        ("lose-answer", 1, 0, "500 Internal Server Error"),
        ("crash-before", 0, 1, "500 Internal Server Error"),
        ("crash-after", 1, 1, "500 Internal Server Error"),
    ],
)
def test_the_front_door_does_what_was_ordered_to_a_functions_call_and_to_no_other(
    tmp_path: Any, kind: str, done: int, crashed: int, status: str
) -> None:
    context = Context(Settings(1, tmp_path), clock=Clock(1))
    calls: list[str] = []

    def aws(_environ: Any, start_response: Any) -> list[bytes]:
        calls.append("done")
        start_response("200 OK", [])
        return [b""]

    app = with_faults(context, aws)
    answered: list[str] = []
    crashes: list[str] = []
    arn = "arn:aws:lambda:us-east-1:123456789012:function:demo-front"
    let_in("ASIAFUNCTION", Caller("demo-front", arn, lambda: crashes.append("crash")))
    try:
        context.faults.order({"calls": [{"kind": kind, "service": "s3", "operation": "PutObject"}]})
        for key in ("SOMEBODY", "ASIAFUNCTION", "ASIAFUNCTION"):
            app(environ_of(key, "s3"), lambda status, *_: answered.append(status))
    finally:
        forget("ASIAFUNCTION")
    assert [one for one in answered if one != "200 OK"] == [status]
    assert len(crashes) == crashed
    assert len(calls) == 2 + done


def test_a_skewed_clock_is_off_by_that_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    monkeypatch.setattr(time, "time_ns", lambda: 10**12)
    skew(-120)
    assert (time.time(), time.time_ns()) == (880.0, 880 * 10**9)
