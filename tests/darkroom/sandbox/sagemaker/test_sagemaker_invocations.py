"""What becomes of a request: answers, failures, notifications, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.sandbox import sagemaker
from tests.darkroom.sandbox.sagemaker.conftest import BUCKET, Aws
from tests.eventually import eventually


def test_an_accepted_request_answers_202_with_where_the_answer_will_be(aws: Aws) -> None:
    aws.make_endpoint()
    accepted = aws.post({"number": 7}, InferenceId="job-7")

    assert accepted["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert accepted["InferenceId"] == "job-7"
    assert accepted["OutputLocation"].startswith(f"s3://{BUCKET}/pictures/")
    assert accepted["OutputLocation"].endswith(".out")
    assert accepted["FailureLocation"].startswith(f"s3://{BUCKET}/failures/")
    assert accepted["FailureLocation"].endswith("-error.out")


def test_a_finished_request_has_its_answer_in_s3_and_its_message_in_sns(aws: Aws) -> None:
    aws.make_endpoint()
    accepted = aws.post({"number": 7}, InferenceId="job-7")

    message = aws.result_of(accepted)

    times = {message.pop("eventTime"), message.pop("receivedTime")}
    assert all(time.endswith("Z") for time in times)
    location = message["requestParameters"].pop("inputLocation")
    assert location.startswith(f"s3://{BUCKET}/payloads/")
    assert message == {
        "awsRegion": "us-west-2",
        "invocationStatus": "Completed",
        "requestParameters": {
            "endpointName": "demo",
            "contentType": "application/json",
            "accept": "application/json",
        },
        "responseParameters": {
            "contentType": "application/json",
            "outputLocation": accepted["OutputLocation"],
        },
        "inferenceId": "job-7",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    answer = json.loads(aws.read(accepted["OutputLocation"]))
    assert answer["echo"] == {"number": 7}
    assert answer["model"] == "good"
    assert answer["threads"] == "1"
    assert sagemaker.endpoints()[0].drawn == {"job-7": 1}


@pytest.mark.parametrize(
    ("payload", "status", "told"),
    [
        ({"bad": True}, "client error (400)", "the payload is bad"),
        ({"boom": True}, "client error (400)", "the model blew up"),
        ({"exit": True}, "server error (500)", "in the middle of an inference"),
    ],
)
def test_a_failed_request_says_why(aws: Aws, payload: dict[str, Any], status: str, told: str) -> None:
    aws.make_endpoint()
    accepted = aws.post(payload)

    message = aws.result_of(accepted)

    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"].startswith(f"ClientError: Received {status} from model.")
    assert message["failureLocation"] == accepted["FailureLocation"]
    assert "responseParameters" not in message
    assert told in aws.read(accepted["FailureLocation"]).decode()
    assert sagemaker.endpoints()[0].drawn == {}


def test_a_missing_payload_fails_the_request(aws: Aws) -> None:
    aws.make_endpoint()
    accepted = aws.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="demo", InputLocation=f"s3://{BUCKET}/payloads/nowhere.json"
    )
    message = aws.result_of(accepted)
    assert message["invocationStatus"] == "Failed"
    assert "payloads/nowhere.json: NoSuchKey" in message["failureReason"]


def test_a_payload_can_come_inline(aws: Aws) -> None:
    aws.make_endpoint()
    accepted = aws.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="demo", Body=b'{"number": 1}', ContentType="application/json"
    )
    assert "inputLocation" not in aws.result_of(accepted)["requestParameters"]
    assert json.loads(aws.read(accepted["OutputLocation"]))["echo"] == {"number": 1}


def test_the_answer_can_be_given_a_name_and_a_folder(aws: Aws) -> None:
    aws.make_endpoint()
    accepted = aws.post({}, S3OutputPathExtension="spring/", Filename="one.json")
    assert accepted["OutputLocation"] == f"s3://{BUCKET}/pictures/spring/one.json"
    aws.result_of(accepted)
    assert aws.read(accepted["OutputLocation"])


def test_a_request_that_takes_too_long_fails_and_the_next_one_is_served(aws: Aws) -> None:
    aws.make_endpoint()
    slow, next_one = aws.post({"sleep": 30}, InvocationTimeoutSeconds=1), aws.post({})
    message = aws.result_of(slow)
    assert "did not answer within" in message["failureReason"]
    assert "failureLocation" not in message
    assert aws.result_of(next_one)["invocationStatus"] == "Completed"


def test_a_request_that_waits_too_long_expires_by_the_sandbox_clock(aws: Aws) -> None:
    aws.make_endpoint()
    aws.set_capacity(0)
    aws.wait_in_service()
    short, patient = aws.post({}, RequestTTLSeconds=60), aws.post({})
    aws.context.clock.speed = 1000
    moment = aws.context.clock.now() + 61
    aws.context.clock.wait_until(moment)
    aws.context.clock.speed = 1

    sagemaker.endpoints()[0].expire()

    assert "RequestTTLSeconds, 60" in aws.result_of(short)["failureReason"]
    assert sagemaker.endpoints()[0].backlog.waiting == 1
    aws.set_capacity(1)
    assert aws.result_of(patient)["invocationStatus"] == "Completed"


def test_requests_are_served_first_in_first_out(aws: Aws) -> None:
    aws.make_endpoint()
    accepted = [aws.post({"number": number}) for number in range(8)]
    for one in accepted:
        aws.result_of(one)
    order = [m["inferenceId"] for m in sorted(aws.notifications(), key=lambda m: m["eventTime"])]
    assert order == [one["InferenceId"] for one in accepted]


def test_an_instance_works_on_as_many_requests_as_the_endpoint_allows(aws: Aws) -> None:
    aws.make_model(SAGEMAKER_MODEL_SERVER_WORKERS="2")
    aws.make_endpoint(model="model", concurrency=2)
    accepted = [aws.post({"sleep": 0.5}) for _ in range(3)]
    [endpoint] = sagemaker.endpoints()
    eventually(lambda: endpoint.backlog.in_flight == 2, "two inferences at once")
    assert endpoint.backlog.waiting == 1
    answers = [
        json.loads(aws.read(aws.result_of(one)["responseParameters"]["outputLocation"])) for one in accepted
    ]
    assert len({answer["pid"] for answer in answers}) == 2


def test_a_worker_killed_by_a_fault_fails_its_request_and_only_that(aws: Aws) -> None:
    aws.make_endpoint()
    aws.context.faults.order({"kill_workers": 1})
    accepted = [aws.post({"sleep": 0.1}) for _ in range(3)]
    statuses = [aws.result_of(one)["invocationStatus"] for one in accepted]
    assert statuses == ["Failed", "Completed", "Completed"]
    assert aws.context.faults.as_dict()["kill_workers"] == 0


def test_a_synchronous_invocation_is_refused(aws: Aws) -> None:
    aws.make_endpoint()
    with pytest.raises(ClientError, match="type ASYNC does not support this inference type") as refused:
        aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="demo", Body=b"{}")
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_an_unknown_endpoint_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError, match="Endpoint nowhere of account 123456789012 not found"):
        aws.post({}, endpoint="nowhere")


WRONG_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({}, "exactly one of Body and InputLocation"),
    ({"Body": b"{}", "InputLocation": "s3://b/k"}, "exactly one of Body and InputLocation"),
    ({"InputLocation": "s3://bucket-without-key"}, "is no S3 location"),
    ({"InputLocation": "ftp://b/k"}, "regular expression pattern"),
    ({"InputLocation": "s3://b/" + "k" * 1024}, "length less than or equal to 1024"),
    ({"InputLocation": "s3://b/k", "InferenceId": "i" * 65}, "length less than or equal to 64"),
    ({"InputLocation": "s3://b/k", "RequestTTLSeconds": 59}, "greater than or equal to 60"),
    ({"InputLocation": "s3://b/k", "RequestTTLSeconds": 21601}, "less than or equal to 21600"),
    ({"InputLocation": "s3://b/k", "InvocationTimeoutSeconds": 3601}, "less than or equal to 3600"),
    ({"Body": b"x" * 128_001}, "length less than or equal to 128000"),
]


def test_a_wrong_request_is_refused_with_the_rule_and_not_queued(aws: Aws) -> None:
    aws.make_endpoint()
    aws.set_capacity(0)
    aws.wait_in_service()
    for options, message in WRONG_REQUESTS:
        with pytest.raises(ClientError, match=message) as refused:
            aws.client("sagemaker-runtime").invoke_endpoint_async(EndpointName="demo", **options)
        assert refused.value.response["Error"]["Code"] == "ValidationError"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert sagemaker.endpoints()[0].backlog.size == 0


def test_every_request_ends_exactly_once_through_crashes_and_changes_of_capacity(aws: Aws) -> None:
    aws.make_endpoint(count=2)
    aws.context.faults.order({"kill_workers": 3})
    accepted = [aws.post({"sleep": 0.02}) for _ in range(60)]
    aws.set_capacity(1)
    aws.wait_in_service()
    aws.set_capacity(2)
    eventually(lambda: len(aws.notifications()) >= len(accepted), "every notification", seconds=30)

    ended = [message["inferenceId"] for message in aws.notifications()]
    assert sorted(ended) == sorted(one["InferenceId"] for one in accepted)
    failed = [message for message in aws.notifications() if message["invocationStatus"] == "Failed"]
    assert len(failed) == 3
    assert sagemaker.endpoints()[0].backlog.size == 0
    assert sum(sagemaker.endpoints()[0].drawn.values()) == 57
