"""Functions that are given what a queue holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.darkroom.sandbox.request_path.conftest import Aws
from tests.eventually import eventually

TYPE = "AWS::Lambda::EventSourceMapping"
PRINTS = "def handler(e, c):\n    print('got', *(r['body'] for r in e['Records']))\n"


def queue_of(aws: Aws, visibility: int = 60) -> tuple[str, str]:
    url, arn = aws.queue("work")
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(visibility)})
    return url, arn


def left(aws: Aws, url: str) -> int:
    """Messages that are not deleted."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def mapped(aws: Aws, arn: str, name: str, **properties: Any) -> tuple[Any, dict[str, Any]]:
    given = {"EventSourceArn": arn, "FunctionName": name, "BatchSize": 1, **properties}
    return aws.create(TYPE, given), given


def test_a_message_is_handed_over_and_deleted(aws: Aws) -> None:
    url, arn = queue_of(aws)
    aws.function("reads", PRINTS)
    made, _ = mapped(aws, arn, "reads")
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    eventually(lambda: "got hello" in "\n".join(aws.log("/aws/lambda/reads")))
    eventually(lambda: left(aws, url) == 0)
    listed = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert [one["UUID"] for one in listed] == [made.physical_id]


def test_a_message_of_a_failure_comes_again_and_says_how_often(aws: Aws) -> None:
    url, arn = queue_of(aws, visibility=2)
    source = (
        "def handler(e, c):\n"
        "    count = e['Records'][0]['attributes']['ApproximateReceiveCount']\n"
        "    print('delivery', count)\n"
        "    if count == '1':\n"
        "        raise ValueError('not yet')\n"
    )
    aws.function("fails", source, Timeout=2)
    mapped(aws, arn, "fails")
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    eventually(lambda: "delivery 2" in "\n".join(aws.log("/aws/lambda/fails")), seconds=30)
    eventually(lambda: left(aws, url) == 0)


def test_of_a_batch_only_the_failures_come_again(aws: Aws) -> None:
    url, arn = queue_of(aws)
    source = (
        "def handler(e, c):\n"
        "    bad = [r['messageId'] for r in e['Records'] if r['body'] == 'bad']\n"
        "    return {'batchItemFailures': [{'itemIdentifier': one} for one in bad]}\n"
    )
    aws.function("sorts", source)
    mapped(aws, arn, "sorts", FunctionResponseTypes=["ReportBatchItemFailures"])
    for body in ("good", "bad", "good"):
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    eventually(lambda: left(aws, url) == 1)


def test_no_more_batches_than_the_maximum_concurrency_are_under_way(aws: Aws) -> None:
    url, arn = queue_of(aws)
    source = (
        "import time\n"
        "def handler(e, c):\n"
        "    print('from', time.time())\n"
        "    time.sleep(0.4)\n"
        "    print('to', time.time())\n"
    )
    aws.function("slow", source)
    mapped(aws, arn, "slow", ScalingConfig={"MaximumConcurrency": 2})
    for number in range(6):
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=str(number))
    eventually(lambda: left(aws, url) == 0, seconds=30)
    lines = [line.split() for line in aws.log("/aws/lambda/slow") if line.startswith(("from", "to"))]
    moments = sorted((float(at), 1 if kind == "from" else -1) for kind, at in lines)
    under_way = [sum(change for _, change in moments[: end + 1]) for end in range(len(moments))]
    assert max(under_way) == 2


def test_a_deleted_mapping_reads_no_more(aws: Aws) -> None:
    url, arn = queue_of(aws)
    aws.function("reads", PRINTS)
    made, given = mapped(aws, arn, "reads")
    aws.delete(TYPE, made, given)
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="too late")
    assert left(aws, url) == 1
    assert aws.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []


def test_a_disabled_mapping_reads_nothing_until_it_is_enabled(aws: Aws) -> None:
    url, arn = queue_of(aws)
    aws.function("reads", PRINTS)
    made, given = mapped(aws, arn, "reads", Enabled=False)
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="patience")
    assert left(aws, url) == 1
    aws.update(TYPE, made, given, {**given, "Enabled": True})
    eventually(lambda: left(aws, url) == 0)


def test_a_visibility_time_out_below_the_functions_is_refused(aws: Aws) -> None:
    _, arn = queue_of(aws, visibility=5)
    aws.function("long", PRINTS, Timeout=10)
    with pytest.raises(
        ClientError, match="Queue visibility timeout: 5 seconds is less than Function timeout"
    ):
        mapped(aws, arn, "long")
    assert aws.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []


def test_a_record_is_what_lambda_hands_over(aws: Aws) -> None:
    url, arn = queue_of(aws)
    aws.function("shows", "import json\ndef handler(e, c):\n    print(json.dumps(e['Records'][0]))\n")
    mapped(aws, arn, "shows")
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="hello")

    def shown() -> dict[str, Any] | None:
        lines = [line for line in aws.log("/aws/lambda/shows") if line.startswith("{")]
        record: dict[str, Any] | None = json.loads(lines[0]) if lines else None
        return record

    record = eventually(shown)
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:sqs", arn)
    assert (record["awsRegion"], record["body"]) == ("us-west-2", "hello")
    assert record["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert record["attributes"].keys() == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
