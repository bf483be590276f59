"""A bucket is empty when its stack is deleted, and CloudFormation is answered whatever happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from bucket_cleanup import handler as cleanup
from moto import mock_aws

from tests.lambda_functions.local_campaign import LambdaContext

BUCKET = "demo-pictures"


@dataclass
class CloudFormation:
    """Stands for CloudFormation's end of a custom resource: takes answers by PUT."""

    url: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)
    content_types: list[str | None] = field(default_factory=list)
    refuse: int = 0

    def event(self, request_type: str, **changes: Any) -> dict[str, Any]:
        return {
            "RequestType": request_type,
            "ResponseURL": f"{self.url}/answer?X-Amz-Signature=secret",
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/demo/1",
            "RequestId": "request-1",
            "LogicalResourceId": "Cleanup",
            "ResourceType": "Custom::BucketCleanup",
            "ResourceProperties": {"ServiceToken": "arn", "BucketName": BUCKET},
            **changes,
        }


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    state = CloudFormation()

    class Answers(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if state.refuse:
                state.refuse -= 1
                self.send_error(503)
                return
            state.answers.append(json.loads(body))
            state.content_types.append(self.headers["Content-Type"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # moto stands in for AWS; CloudFormation's end is a real server.
    with mock_aws(config={"core": {"passthrough": {"urls": ["127.0.0.1"]}}}):
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        cleanup._s3.cache_clear()
        yield client
    cleanup._s3.cache_clear()


def contents(s3: Any) -> list[Any]:
    page = s3.list_object_versions(Bucket=BUCKET)
    return [*page.get("Versions", []), *page.get("DeleteMarkers", [])]


def test_deleting_empties_the_bucket_of_every_version_and_delete_marker(
    s3: Any, cloudformation: CloudFormation
) -> None:
    s3.put_object(Bucket=BUCKET, Key="before versioning", Body=b"1")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=BUCKET, Key="pictures/ä b.out", Body=body)
    s3.delete_object(Bucket=BUCKET, Key="pictures/ä b.out")
    assert len(contents(s3)) == 4
    cleanup.handler(cloudformation.event("Delete", PhysicalResourceId="bucket-cleanup-x"), LambdaContext())
    assert contents(s3) == []
    s3.delete_bucket(Bucket=BUCKET)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == "bucket-cleanup-x"
    assert (answer["RequestId"], answer["LogicalResourceId"]) == ("request-1", "Cleanup")
    assert answer["StackId"].endswith("stack/demo/1")
    assert cloudformation.content_types == [""], "the presigned URL is signed without a content type"


def test_more_objects_than_one_page_are_all_deleted(
    s3: Any, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        s3.put_object(Bucket=BUCKET, Key=f"{number}", Body=b"")
    client = cleanup._s3()
    listing = client.list_object_versions
    monkeypatch.setattr(client, "list_object_versions", lambda **asked: listing(**{**asked, "MaxKeys": 3}))
    cleanup.handler(cloudformation.event("Delete"), LambdaContext())
    assert contents(s3) == []


def test_a_bucket_that_is_gone_is_a_success(s3: Any, cloudformation: CloudFormation) -> None:
    s3.delete_bucket(Bucket=BUCKET)
    cleanup.handler(cloudformation.event("Delete"), LambdaContext())
    assert cloudformation.answers[0]["Status"] == "SUCCESS"


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_creating_and_updating_touch_nothing_and_keep_the_physical_id(
    s3: Any, cloudformation: CloudFormation, request_type: str
) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"")
    for _ in range(2):
        cleanup.handler(cloudformation.event(request_type), LambdaContext())
    assert len(contents(s3)) == 1
    assert [answer["PhysicalResourceId"] for answer in cloudformation.answers] == [
        f"bucket-cleanup-{BUCKET}"
    ] * 2


def test_an_object_that_s3_keeps_back_fails_with_its_name(
    s3: Any, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket=BUCKET, Key="locked", Body=b"")
    errors = {"Errors": [{"Key": "locked", "Code": "AccessDenied"}]}
    monkeypatch.setattr(cleanup._s3(), "delete_objects", lambda **_: errors)
    cleanup.handler(cloudformation.event("Delete"), LambdaContext())
    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "locked: AccessDenied" in answer["Reason"]


def test_out_of_time_it_fails_with_what_to_do(s3: Any, cloudformation: CloudFormation) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"")
    cleanup.handler(cloudformation.event("Delete"), LambdaContext(milliseconds=5_000))
    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "Delete the stack again" in answer["Reason"]


@pytest.mark.parametrize("properties", [{}, {"BucketName": ""}, {"BucketName": 5}])
def test_a_missing_bucket_name_fails_with_a_reason(
    s3: Any, cloudformation: CloudFormation, properties: dict[str, Any]
) -> None:
    cleanup.handler(cloudformation.event("Create", ResourceProperties=properties), LambdaContext())
    assert cloudformation.answers[0]["Status"] == "FAILED"
    assert "BucketName" in cloudformation.answers[0]["Reason"]


def test_an_answer_that_does_not_arrive_is_sent_again(s3: Any, cloudformation: CloudFormation) -> None:
    cloudformation.refuse = 2
    cleanup.handler(cloudformation.event("Create"), LambdaContext())
    assert len(cloudformation.answers) == 1


def test_the_response_url_is_never_logged(
    s3: Any, cloudformation: CloudFormation, caplog: pytest.LogCaptureFixture
) -> None:
    cloudformation.refuse = 1
    cleanup.handler(cloudformation.event("Delete"), LambdaContext())
    assert caplog.records
    assert "secret" not in caplog.text
