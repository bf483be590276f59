"""What a function prints: its log, and the metrics in it."""

from __future__ import annotations

import base64
import json

import pytest

from tests.darkroom.sandbox.request_path.conftest import Aws


def test_what_is_printed_is_in_the_log_and_in_the_tail(aws: Aws) -> None:
    aws.function(
        "talk", "def handler(e, c):\n    print('a line')\n    print('half', end='')\n    print(' and half')"
    )
    _, response = aws.invoke("talk", LogType="Tail")
    lines = aws.log("/aws/lambda/talk")
    request_id = next(line for line in lines if line.startswith("START")).split()[2]
    assert lines[1:4] == ["a line", "half and half", f"END RequestId: {request_id}"]
    assert lines[4].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert b"half and half" in base64.b64decode(response["LogResult"])


def test_a_named_log_group_is_used_and_never_made(aws: Aws) -> None:
    aws.client("logs").create_log_group(logGroupName="mine")
    aws.function("kept", "def handler(e, c): print('here')", LoggingConfig={"LogGroup": "mine"})
    aws.function("lost", "def handler(e, c): print('here')", LoggingConfig={"LogGroup": "not-there"})
    aws.invoke("kept")
    aws.invoke("lost")
    assert "here" in aws.log("mine")
    groups = [group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]]
    assert groups == ["mine"]


def test_embedded_metrics_reach_cloudwatch_under_every_dimension_set(aws: Aws) -> None:
    source = """
    import json, time
    def handler(event, context):
        print(json.dumps({
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [
                {"Namespace": "ImageGenAPI", "Dimensions": [["service", "campaign"], ["service"]],
                 "Metrics": [{"Name": "CacheHits", "Unit": "Count"}]}]},
            "service": "ImageGenerator", "campaign": "demo", "CacheHits": [1.0, 1.0]}))
        print(json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Metrics": []}]}}))
    """
    aws.function("metrics", source)
    aws.invoke("metrics")
    found = aws.client("cloudwatch").list_metrics(Namespace="ImageGenAPI")["Metrics"]
    dimensions = {tuple(sorted((d["Name"], d["Value"]) for d in metric["Dimensions"])) for metric in found}
    service, campaign = ("service", "ImageGenerator"), ("campaign", "demo")
    assert dimensions == {(service,), (campaign, service)}
    assert any(
        "refused the metrics" in line and "Namespace" in line for line in aws.log("/aws/lambda/metrics")
    )


def test_with_json_logs_lambdas_own_lines_are_json_too(aws: Aws) -> None:
    source = "import logging\ndef handler(e, c): logging.getLogger().warning('hello')"
    aws.function("json", source, LoggingConfig={"LogFormat": "JSON"})
    aws.invoke("json")
    start, line, report = (json.loads(line) for line in aws.log("/aws/lambda/json"))
    assert start["type"] == "platform.start"
    assert line["message"] == "hello"
    assert line["requestId"] == start["record"]["requestId"]
    assert report["record"]["status"] == "success"
    assert report["record"]["metrics"]["durationMs"] > 0


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ("time.sleep(30)", "timeout", "Sandbox.Timedout"),
        ("os._exit(1)", "failure", "Runtime.ExitError"),
        ("1/0", "error", None),
    ],
)
def test_with_json_logs_an_end_without_an_answer_is_told_in_the_report_alone(
    aws: Aws, body: str, status: str, kind: str | None
) -> None:
    source = f"import os, time\ndef handler(e, c): {body}"
    aws.function("ends", source, LoggingConfig={"LogFormat": "JSON"}, Timeout=1)
    _, response = aws.invoke("ends")
    assert response["FunctionError"] == "Unhandled"
    record = [json.loads(line) for line in aws.log("/aws/lambda/ends")][-1]["record"]
    assert (record["status"], record.get("errorType")) == (status, kind)
