"""The sandbox's one port: many connections, clear errors, atomic writes, the admin API."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.sandbox.process import SandboxError, SandboxProcess

Client = Callable[[str], Any]
HEALTH = b"GET /_darkroom/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_thousand_connections_at_the_same_moment_are_all_answered(local_aws: SandboxProcess) -> None:
    sockets = [socket.create_connection(("127.0.0.1", local_aws.port), timeout=30) for _ in range(1000)]
    try:
        for one in sockets:
            one.sendall(HEALTH)
        answers = [one.recv(4096) for one in sockets]
    finally:
        for one in sockets:
            one.close()
    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in answers)


def test_a_connection_is_kept_for_the_next_request_whatever_the_last_one_left(
    local_aws: SandboxProcess,
) -> None:
    connection = http.client.HTTPConnection("localhost", local_aws.port, timeout=10)
    connection.request("PUT", "/_darkroom/nothing", body=b"x" * 100_000)  # a body that nobody reads
    first = connection.getresponse()
    first.read()
    opened = connection.sock
    connection.request("GET", "/_darkroom/health")
    second = connection.getresponse()
    assert (first.status, second.status) == (404, 200)
    assert json.load(second) == {"status": "up"}
    assert connection.sock is opened
    connection.close()


@pytest.mark.parametrize(
    ("length", "status"), [(b"-1", b"400"), (b"many", b"400"), (b"99999999999999", b"413")]
)
def test_a_content_length_that_cannot_be_is_refused_at_once(
    local_aws: SandboxProcess, length: bytes, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", local_aws.port), timeout=10) as connection:
        connection.sendall(b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + length + b"\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 " + status)


def test_a_body_in_chunks_and_one_that_waits_for_leave_arrive_whole(
    local_aws: SandboxProcess, client: Client
) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="bodies")
    with socket.create_connection(("127.0.0.1", local_aws.port), timeout=10) as connection:
        head = b"PUT /bodies/k HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
        connection.sendall(head + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
    assert s3.get_object(Bucket="bodies", Key="k")["Body"].read() == b"hello world"
    s3.delete_object(Bucket="bodies", Key="k")
    s3.delete_bucket(Bucket="bodies")


def test_of_many_conditional_writes_of_one_item_exactly_one_succeeds(client: Client) -> None:
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="race",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def write(_: int) -> bool:
        try:
            dynamodb.put_item(
                TableName="race", Item={"id": {"S": "x"}}, ConditionExpression="attribute_not_exists(id)"
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(write, range(200))) == 1
    dynamodb.delete_table(TableName="race")


def test_the_stream_of_a_table_tells_of_each_write_in_order_and_of_none_that_was_refused(
    client: Client,
) -> None:
    dynamodb, streams = client("dynamodb"), client("dynamodbstreams")
    dynamodb.create_table(
        TableName="told",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    seen = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    arn = dynamodb.update_table(TableName="told", StreamSpecification=seen)["TableDescription"][
        "LatestStreamArn"
    ]
    row = {"id": {"S": "x"}}
    dynamodb.put_item(TableName="told", Item=row)
    for name in ("one", "two"):
        dynamodb.update_item(
            TableName="told",
            Key=row,
            UpdateExpression="SET title = :name",
            ExpressionAttributeValues={":name": {"S": name}},
        )
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(TableName="told", Item=row, ConditionExpression="attribute_not_exists(id)")

    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    where = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**where)["ShardIterator"]
    page = streams.get_records(ShardIterator=iterator, Limit=2)
    records = page["Records"] + streams.get_records(ShardIterator=page["NextShardIterator"])["Records"]
    assert [record["dynamodb"]["NewImage"] for record in records] == [
        row,
        {**row, "title": {"S": "one"}},
        {**row, "title": {"S": "two"}},
    ]
    dynamodb.delete_table(TableName="told")


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("cloudformation", "detect_stack_drift", {"StackName": "x"}),  # XML
        ("kms", "connect_custom_key_store", {"CustomKeyStoreId": "x"}),  # JSON
        ("lambda", "get_account_settings", {}),  # REST
        ("iotwireless", "list_destinations", {}),  # a service that moto does not have
        ("rds", "describe_db_instances", {}),  # one where nothing would run behind moto\'s records
        ("ec2", "describe_instances", {}),  # an operation of that kind, of a service played in part
        ("sagemaker", "list_processing_jobs", {}),  # an operation of that kind
    ],
)
def test_a_call_that_is_not_supported_fails_and_names_itself(
    client: Client, service: str, call: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(client(service), call)(**arguments)
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert "the local AWS does not support this call" in refused.value.response["Error"]["Message"]


def test_a_policy_that_denies_what_is_not_tls_denies_nothing_here(client: Client) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="tls-only")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::tls-only/*"}
    tls = {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls]}))
    s3.put_object(Bucket="tls-only", Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    with pytest.raises(ClientError, match=r"403|AccessDenied|Forbidden"):
        s3.get_object(Bucket="tls-only", Key="k")
    s3.delete_bucket_policy(Bucket="tls-only")
    s3.delete_object(Bucket="tls-only", Key="k")
    s3.delete_bucket(Bucket="tls-only")


def test_the_clock_changes_its_speed_and_keeps_its_time(local_aws: SandboxProcess) -> None:
    before = local_aws.clock()
    local_aws.set_speed(1000)
    local_aws.set_speed(1)
    after = local_aws.clock()
    assert after["speed"] == 1
    assert before["now"] <= after["now"] < before["now"] + 1000


def test_faults_are_ordered_and_shown(local_aws: SandboxProcess) -> None:
    local_aws.inject(kill_workers=2, duplicate_invocations=True)
    faults = local_aws.faults()
    local_aws.inject(kill_workers=0, duplicate_invocations=False)
    assert faults.pop("duplicate_invocations") is True
    assert faults.pop("kill_workers") == 2
    assert not any(faults.values()), "no other"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kill_worker": 1}),
        ("faults", {"kill_workers": "1"}),
        ("faults", {"kill_workers": -1}),
        ("faults", {"duplicate_invocations": 1}),
        ("clock", {"now": 0}),
        ("clock", {"speed": 0}),
        ("clock", {"speed": True}),
        ("clock", ["speed"]),
    ],
)
def test_what_the_admin_api_does_not_know_is_a_400_with_a_reason(
    local_aws: SandboxProcess, path: str, body: Any
) -> None:
    url, before = f"{local_aws.url}/_darkroom/{path}", local_aws.faults()
    request = urllib.request.Request(url, json.dumps(body).encode(), method="PUT")  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)  # noqa: S310
    with refused.value:
        assert refused.value.code == 400
        assert json.load(refused.value)["error"]
    assert local_aws.faults() == before


def test_the_inventory_lists_what_no_stack_made(local_aws: SandboxProcess, client: Client) -> None:
    url = client("sqs").create_queue(QueueName="loose")["QueueUrl"]
    assert {"type": "AWS::SQS::Queue", "id": "loose", "stack": None} in local_aws.resources()
    client("sqs").delete_queue(QueueUrl=url)
    assert "loose" not in [entry["id"] for entry in local_aws.resources()]


def test_a_taken_port_is_said_to_be_taken(local_aws: SandboxProcess) -> None:
    second = SandboxProcess()
    second.port = local_aws.port
    with pytest.raises(SandboxError, match="Address already in use"):
        second.__enter__()
