"""One trace from front-end to completion, which costs no request and tells no prompt."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_api import tracing
from image_api.trace_context import parse
from image_api.xray import XRayExporter

from tests.lambda_functions.local_campaign import Campaign

ROOT = "1-6a1b2c3d-0123456789abcdef01234567"
OTHER = "1-6a1b2c3d-fedcba98765432100fedcba9"
PARENT = "53995c3f42cd8ad8"
PROMPT = "the launch is on the fourth of May"


class Daemon:
    """Stands for the X-Ray daemon beside a function: takes datagrams."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def received(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(65_536).decode())
            except BlockingIOError:
                return found

    def spans(self) -> list[dict[str, Any]]:
        found = []
        for datagram in self.received():
            header, _, document = datagram.partition("\n")
            assert json.loads(header) == {"format": "json", "version": 1}
            found.append(json.loads(document))
        return found


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    made = Daemon()
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", made.address)
    tracing._tracer.cache_clear()
    yield made
    tracing._tracer.cache_clear()
    made.socket.close()


def arrive(monkeypatch: pytest.MonkeyPatch, root: str, *, sampled: bool = True) -> None:
    """What Lambda's runtime does before each invocation."""
    header = f"Root={root};Parent={PARENT};Sampled={int(sampled)};Lineage=1:abc:0"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)


def ask(campaign: Campaign, prompt: str = PROMPT) -> str:
    return str(json.loads(campaign.post({"prompt": prompt})["body"])["id"])


def test_a_requests_trace_goes_on_where_its_notification_arrives(
    campaign: Campaign, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(monkeypatch, ROOT)
    job_id = ask(campaign)
    campaign.time += 4
    arrive(monkeypatch, OTHER)
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))

    spans = daemon.spans()
    request = {span["name"]: span for span in spans if span["trace_id"] == ROOT}
    assert request.keys() >= {"front", "DynamoDB", "S3", "SageMaker", "SNS", "completion"}
    front = request["front"]
    assert (front["parent_id"], front["type"]) == (PARENT, "subsegment")
    calls = {span["aws"]["operation"]: span for span in spans if span.get("namespace") == "aws"}
    assert calls["PutObject"]["parent_id"] == calls["PutItem"]["parent_id"] == front["id"]
    for name in ("front", "SageMaker", "SNS", "completion"):
        assert request[name]["annotations"]["job_id"] == job_id
        assert request[name]["start_time"] <= request[name]["end_time"]
    assert request["completion"]["parent_id"] == front["id"]
    (own,) = [span for span in spans if (span["trace_id"], span["name"]) == (OTHER, "completion")]
    assert request["completion"]["links"] == [{"trace_id": OTHER, "id": own["id"]}]
    assert own["annotations"]["job_id"] == job_id
    assert {link["trace_id"] for link in own["links"]} == {ROOT}


def test_sagemakers_times_are_in_the_trace_where_its_clock_agrees_with_ours(
    campaign: Campaign, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(monkeypatch, ROOT)
    job_id = ask(campaign)  # at 08:00:00 by the campaign's clock
    campaign.time += 10
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))  # received at 08:00:01, answered at 08:00:03.5
    spans = {span["name"]: span for span in daemon.spans() if "annotations" in span}
    drawn = spans["SageMaker"]
    assert (drawn["start_time"], drawn["end_time"]) == (1_800_000_001.0, 1_800_000_003.5)
    assert spans["SNS"]["start_time"] == 1_800_000_003.5


def test_a_clock_that_is_off_moves_nothing_in_the_trace(
    campaign: Campaign, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(monkeypatch, ROOT)
    job_id = ask(campaign)
    submitted = campaign.time
    campaign.time += 10
    message = campaign.endpoint.draw(f"{job_id}.1")
    # A clock that is an hour ahead.
    message |= {"receivedTime": "2027-01-15T09:00:01Z", "eventTime": "2027-01-15T09:00:03.500Z"}
    campaign.notify(message)
    (drawn,) = [span for span in daemon.spans() if span["name"] == "SageMaker" and "annotations" in span]
    assert submitted == drawn["start_time"] <= drawn["end_time"] <= campaign.time
    assert drawn["annotations"]["seconds"] == 2.5


def test_an_attempt_that_fails_and_the_next_are_in_the_requests_trace(
    campaign: Campaign, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(monkeypatch, ROOT)
    job_id = ask(campaign)
    arrive(monkeypatch, OTHER)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", "Received server error (500) from primary"))
    campaign.time += 2000
    campaign.reconcile()
    told = [span for span in daemon.spans() if span["trace_id"] == ROOT and "annotations" in span]
    attempts = [
        (span["name"], span["annotations"]["attempt"]) for span in told if "attempt" in span["annotations"]
    ]
    assert attempts == [("front", 1), ("completion", 2), ("reconciliation", 3)]


def test_what_is_not_sampled_upstream_is_not_sent(
    campaign: Campaign, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(monkeypatch, ROOT, sampled=False)
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    assert daemon.received() == []
    kept = parse(campaign.row()["trace"])
    assert kept is not None
    assert (kept.root, kept.sampled) == (ROOT, False)


def test_no_prompt_and_no_exceptions_text_is_traced(
    campaign: Campaign, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(monkeypatch, ROOT)
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", f'"request refused: {PROMPT}"'))
    for error in (RuntimeError(PROMPT), ValueError(PROMPT)):
        campaign.endpoint.error = error
        campaign.post({"prompt": PROMPT + type(error).__name__})
    campaign.post('{"prompt": "' + PROMPT, raw=True)
    campaign.dynamodb.delete_table(TableName="jobs")
    campaign.post({"prompt": PROMPT})
    told = "".join(daemon.received())
    assert told.count("trace_id") > 8
    assert PROMPT not in told


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "nonsense", "", "nowhere.invalid:2000", "tcp:127.0.0.1:1 udp:127.0.0.1:1"]
)
@pytest.mark.parametrize("header", [f"Root={ROOT};Parent={PARENT};Sampled=1", "Root=;Sampled=1", "\x00", ""])
def test_tracing_that_does_not_work_costs_no_request(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, address: str, header: str
) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    if "\x00" not in header:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    tracing._tracer.cache_clear()
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    assert campaign.row()["state"] == "done"
    tracing._tracer.cache_clear()


def test_a_fault_in_tracing_itself_costs_no_request(
    campaign: Campaign, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError(PROMPT)

    arrive(monkeypatch, ROOT)
    for target in ("_tracer", "_under", "_span_context"):
        with monkeypatch.context() as patched:
            patched.setattr(tracing, target, broken)
            assert campaign.post({"prompt": f"{PROMPT} {target}"})["statusCode"] == 202
    with monkeypatch.context() as patched:
        patched.setattr(XRayExporter, "export", broken)
        assert campaign.post({"prompt": f"{PROMPT} export"})["statusCode"] == 202
    assert PROMPT not in campaign.printed()


def test_every_line_about_a_job_carries_the_requests_trace(
    campaign: Campaign, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(monkeypatch, ROOT)
    job_id = ask(campaign)
    arrive(monkeypatch, OTHER)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", "Received server error (500) from primary"))
    campaign.time += 61
    campaign.reconcile()
    campaign.time += 2000
    campaign.reconcile()
    campaign.notify(campaign.endpoint.draw(f"{job_id}.3"))
    lines = [line for line in campaign.lines() if "_aws" not in line and "job_id" in line]
    assert len(lines) >= 5
    for line in lines:
        assert ROOT in (line["xray_trace_id"], line.get("request_trace")), line
        assert line["function_request_id"]


@given(st.text() | st.from_regex(r"Root=.*;Parent=.*;Sampled=.", fullmatch=True))
def test_any_header_is_read_or_passed_over(header: str) -> None:
    found = parse(header)
    assert found is None or parse(found.header) == found
