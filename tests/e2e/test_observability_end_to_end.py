"""One request seen from outside: its trace, its log lines, the metrics of its stages, `darkroom status`."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from darkroom.operations.status import StatusReader
from tests.e2e.darkroom_command import darkroom
from tests.e2e.deployment import Deployment
from tests.eventually import eventually

pytestmark = pytest.mark.e2e

ROOT = "1-6a1b2c3d-0e2e0e2e0e2e0e2e0e2e0e2e"
PROMPT = "a lighthouse that nobody else asks for"


@pytest.fixture(scope="module")
def job_id(demo: Deployment) -> str:
    """A job that is done, asked for under a trace of our own that is kept."""
    return _ask(demo, PROMPT, ROOT)


def _ask(demo: Deployment, prompt: str, root: str, *, sampled: bool = True) -> str:
    """Post a request under a trace of ours and wait for its picture; gives the job's id."""
    headers = {
        "x-api-key": demo.key,
        "content-type": "application/json",
        "x-amzn-trace-id": f"Root={root};Sampled={int(sampled)}",
    }
    body = json.dumps({"prompt": prompt}).encode()
    request = urllib.request.Request(f"{demo.url}/v1/images", body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=180) as answer:  # noqa: S310
        assert answer.headers["x-amzn-trace-id"] == f"Root={root}"
        job_id = str(json.load(answer)["id"])
    assert demo.api.wait(job_id, deadline_seconds=120).body["status"] == "done"
    return job_id


def _documents(demo: Deployment, root: str) -> list[dict[str, Any]]:
    found = demo.client("xray").batch_get_traces(TraceIds=[root])["Traces"]
    return [json.loads(one["Document"]) for one in found[0]["Segments"]] if found else []


def _spans(parts: list[dict[str, Any]], inside: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every segment and subsegment under its path of names."""
    for part in parts:
        name = part.get("origin", part["name"])
        path = f"{inside}/{name}"
        yield path, part
        yield from _spans(part.get("subsegments", []), path)


def test_one_trace_has_every_step_from_the_gateway_to_the_completion(demo: Deployment, job_id: str) -> None:
    def found() -> dict[str, dict[str, Any]]:
        return {path.rsplit("/", 1)[-1]: part for path, part in _spans(_documents(demo, ROOT))}

    # Spans come by datagrams: the last of them after the client has its answer.
    eventually(lambda: "completion" in found(), "the completion in the trace")
    steps = found()
    assert steps.keys() >= {
        "AWS::ApiGateway::Stage", "Lambda", "AWS::Lambda", "AWS::Lambda::Function", "front",
        "DynamoDB", "S3", "SageMaker Runtime", "SageMaker", "SNS", "completion",
    }  # fmt: skip
    assert {part["trace_id"] for part in _documents(demo, ROOT)} == {ROOT}
    assert steps["S3"]["aws"]["operation"] == "PutObject"
    assert steps["SageMaker Runtime"]["aws"]["operation"] == "InvokeEndpointAsync"
    for name in ("front", "SageMaker", "SNS", "completion"):
        assert steps[name]["annotations"]["job_id"] == job_id
    assert PROMPT not in json.dumps(_documents(demo, ROOT))


def test_a_trace_is_found_by_the_id_of_its_job(demo: Deployment, job_id: str) -> None:
    now = demo.sandbox.clock()["now"]
    window = {
        "StartTime": datetime.fromtimestamp(now, UTC) - timedelta(hours=6),
        "EndTime": datetime.fromtimestamp(now, UTC) + timedelta(minutes=5),
    }
    pages = demo.client("xray").get_paginator("get_trace_summaries")
    wanted = f'annotation.job_id = "{job_id}"'
    eventually(
        lambda: (
            ROOT
            in [
                one["Id"]
                for page in pages.paginate(**window, FilterExpression=wanted)
                for one in page["TraceSummaries"]
            ]
        ),
        "the trace by its annotation",
    )


def test_what_upstream_does_not_keep_is_kept_nowhere(demo: Deployment) -> None:
    root = ROOT[:-1] + "f"
    job = _ask(demo, "nobody follows this one", root, sampled=False)
    assert _documents(demo, root) == []
    assert any(root in line for line in _lines(demo) if job in line), "the log names the trace all the same"


def _lines(demo: Deployment) -> list[str]:
    logs = demo.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    return [
        event["message"]
        for group in groups
        if group.startswith(f"/darkroom/{demo.name}/image_api.")
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    ]


def test_every_line_of_the_functions_is_json_and_names_request_trace_and_job(
    demo: Deployment, job_id: str
) -> None:
    lines = []
    for line in map(json.loads, _lines(demo)):
        if line.get("type", "").startswith("platform."):
            assert line["record"]["requestId"], line
        elif (
            "_aws" not in line and "requestId" not in line
        ):  # that has what the runtime tells: what was raised
            lines.append(line)
    assert len(lines) > 3
    for line in lines:
        assert line["function_request_id"], line
        assert line["xray_trace_id"].startswith("1-"), line
    about = [line for line in lines if line.get("job_id") == job_id]
    assert {line["message"] for line in about} >= {"cache miss", "submitted", "job done"}
    for line in about:
        if line["message"] != "looked up":
            assert ROOT in (line["xray_trace_id"], line.get("request_trace")), line


def test_each_stage_of_a_requests_life_is_a_metric(demo: Deployment, job_id: str) -> None:
    dimensions = [{"Name": "service", "Value": "ImageGenerator"}, {"Name": "campaign", "Value": demo.name}]
    listed = demo.client("cloudwatch").list_metrics(Namespace="ImageGenAPI", Dimensions=dimensions)
    names = {metric["MetricName"] for metric in listed["Metrics"]}
    assert names >= {
        "NumberOfInferenceRequests", "JobsSubmitted", "SubmissionLatency", "DrawingLatency",
        "NotificationLatency", "PicturesCompleted", "RequestLatency",
    }  # fmt: skip


def test_status_says_how_the_campaign_is(demo: Deployment, job_id: str) -> None:
    told = darkroom(demo.sandbox, "status", demo.name, "--minutes", "1440", "--json")
    assert told.returncode == 0, told.stderr
    status = json.loads(told.stdout)
    assert status["campaign"] == "demo"
    assert status["endpoint"]["status"] in ("InService", "Updating")
    assert (status["endpoint"]["minimum"], status["endpoint"]["maximum"]) == (0, 2)
    assert status["requests"]["requests"] >= 1
    assert status["requests"]["completed"] >= 1
    assert status["requests"]["p50"] > 0
    assert {stack["name"] for stack in status["stacks"]} == {
        f"demo-{part}" for part in ("data", "inference", "api", "monitoring")
    }
    shown = darkroom(demo.sandbox, "status", demo.name)
    assert shown.returncode == 0, shown.stderr
    for word in ("endpoint", "waiting", "open jobs", "dead letters", "seconds to a picture"):
        assert word in shown.stdout


def test_status_names_the_alarm_and_its_entry_of_the_runbook(demo: Deployment) -> None:
    speed = demo.sandbox.clock()["speed"]
    # A state that was set lasts until the alarm is evaluated: a minute of the sandbox's.
    demo.sandbox.set_speed(1)
    try:
        change = {"StateValue": "ALARM", "StateReason": "a drill"}
        demo.client("cloudwatch").set_alarm_state(AlarmName="demo-api-5xx", **change)
        status = json.loads(darkroom(demo.sandbox, "status", demo.name, "--json").stdout)
        shown = darkroom(demo.sandbox, "status", demo.name).stdout
    finally:
        demo.sandbox.set_speed(speed)
    alarms = {alarm["name"]: alarm for alarm in status["alarms"]}
    assert alarms["demo-api-5xx"]["runbook"] == "docs/operations.md#api-5xx"
    assert alarms["demo-api-5xx"]["reason"] == "a drill"
    assert status["healthy"] is False
    assert "needs a person" in shown


def test_a_second_look_reads_no_stack_again(demo: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in demo.sandbox.env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    asked: Counter[str] = Counter()
    session = boto3.Session()
    session.events.register(
        "before-call.cloudformation", lambda model, **_: asked.update([model.name]), "counter"
    )
    reader = StatusReader(demo.name, session=session)
    first = reader.read()
    assert asked == {"DescribeStacks": 5, "ListStackResources": 4}
    asked.clear()
    assert reader.read().stacks == first.stacks
    assert asked == {"DescribeStacks": 5}


def test_status_of_what_is_not_deployed_says_so(demo: Deployment) -> None:
    told = darkroom(demo.sandbox, "status", "nothing-here")
    assert told.returncode == 1
    assert "no stack nothing-here-api" in told.stderr
    assert "Traceback" not in told.stderr
