"""Traces in the sandbox: headers respected, segments put together, filters by annotation."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.exceptions
import pytest

from darkroom.sandbox import xray
from darkroom.sandbox.xray import arrive
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws
from tests.eventually import eventually

ROOT = "1-6a1b2c3d-0123456789abcdef01234567"
ECHO = "import os\ndef handler(event, context):\n    return os.environ.get('_X_AMZN_TRACE_ID')\n"


def trace(aws: Aws, root: str) -> dict[str, dict[str, Any]]:
    """The trace's segments by origin."""
    found = aws.client("xray").batch_get_traces(TraceIds=[root])["Traces"]
    documents = [json.loads(one["Document"]) for one in found[0]["Segments"]] if found else []
    return {document.get("origin", document["name"]): document for document in documents}


@pytest.mark.parametrize("sampled", ["0", "1"])
def test_a_function_is_told_its_place_and_traced_if_upstream_says_so(aws: Aws, sampled: str) -> None:
    aws.function("traced", ECHO, TracingConfig={"Mode": "Active"})
    header = f"Root={ROOT[:-1]}{sampled};Parent=53995c3f42cd8ad8;Sampled={sampled}"
    client = aws.client("lambda")

    def add_header(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = header

    client.meta.events.register("before-sign.lambda.Invoke", add_header)
    told, _ = aws.invoke("traced")
    client.meta.events.unregister("before-sign.lambda.Invoke", add_header)
    root = header.split(";")[0].removeprefix("Root=")
    assert told.startswith(f"Root={root};Parent=")
    assert told.endswith(f"Sampled={sampled}")
    if sampled == "0":
        assert trace(aws, root) == {}
        return
    segments = trace(aws, root)
    assert segments["AWS::Lambda"]["parent_id"] == "53995c3f42cd8ad8"
    assert segments["AWS::Lambda::Function"]["parent_id"] == segments["AWS::Lambda"]["id"]
    assert told.split("Parent=")[1].split(";")[0] == segments["AWS::Lambda::Function"]["id"]


def test_a_function_that_only_passes_on_tells_nothing(aws: Aws) -> None:
    aws.function("silent", ECHO)
    told, _ = aws.invoke("silent")
    assert told.endswith("Sampled=0")


def send(
    address: str, document: dict[str, Any], header: bytes = b'{"format": "json", "version": 1}\n'
) -> None:
    host, port = address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.sendto(header + json.dumps(document).encode(), (host, int(port)))


def span(name: str, own: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    now = time.time()
    kind = {} if parent is None else {"type": "subsegment", "parent_id": parent}
    times = {"start_time": now, "end_time": now + 0.5}
    return {"name": name, "id": own * 16, "trace_id": ROOT, **times, **kind, **more}


def test_spans_that_come_by_the_daemon_are_in_their_segment_and_found_by_annotation(aws: Aws) -> None:
    address = xray.daemon_address(ACCOUNT, REGION)
    assert address is not None
    # The inner one first, as a function's end after what is in them.
    send(address, span("S3", "c", "b" * 16, annotations={"job_id": "j1"}))
    send(address, span("front", "b", "a" * 16))
    send(address, span("function", "a"))
    for end in "xyz":
        send(address, span("another", "d", annotations={"job_id": "j3"}) | {"trace_id": ROOT[:-1] + end})
    client = aws.client("xray")
    eventually(lambda: trace(aws, ROOT).get("function", {}).get("subsegments"))
    (front,) = trace(aws, ROOT)["function"]["subsegments"]
    assert [nested["name"] for nested in front["subsegments"]] == ["S3"]
    now = datetime.now(UTC)
    window = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}

    def found(expression: str) -> list[str]:
        summaries = client.get_trace_summaries(**window, FilterExpression=expression)["TraceSummaries"]
        return [one["Id"] for one in summaries]

    eventually(lambda: len(found('annotation.job_id = "j3"')) == 3)
    assert found('annotation.job_id = "j1"') == [ROOT]
    assert found('annotation[job_id] = "j2"') == []
    with pytest.raises(botocore.exceptions.ClientError, match="does not play the filter"):
        found("responsetime > 5")


def test_what_is_no_segment_is_passed_over(aws: Aws) -> None:
    address = xray.daemon_address(ACCOUNT, REGION)
    assert address is not None
    send(address, span("x", "d"), header=b"something else\n")
    send(address, {"name": "no id"})
    send(address, span("after", "e"))
    eventually(lambda: "after" in trace(aws, ROOT))
    assert "x" not in trace(aws, ROOT)


def test_who_is_asked_first_in_a_second_is_kept_unless_upstream_has_decided() -> None:
    decisions = [arrive(None, active=True).sampled for _ in range(200)]
    assert any(decisions)
    assert not all(decisions)
    assert not any(arrive(None, active=False).sampled for _ in range(50))
    assert all(arrive(f"Root={ROOT};Sampled=1", active=active).sampled for active in (True, False))
    assert not any(arrive(f"Root={ROOT};Sampled=0", active=active).sampled for active in (True, False))
