"""The drawing function of a realtime campaign: every note ends in a picture, a reason, or comes again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from image_api import completion, drawing, front, reconciliation
from image_api.application import Application, with_moderation
from image_api.aws import Clients
from image_api.jobs import Jobs
from image_api.moderation.rules import ModerationRules, PictureRule
from image_api.realtime_endpoint import RealtimeEndpoint
from image_api.sagemaker_realtime import SageMakerRealtime
from image_api.settings import from_environment
from moto import mock_aws

from tests.lambda_functions.conftest import one_request_at_a_time
from tests.lambda_functions.local_campaign import ENVIRONMENT, Campaign, LambdaContext, create_resources
from tests.lambda_functions.local_campaign import Endpoint as AsyncEndpoint
from tests.lambda_functions.moderation.conftest import Rekognition

PICTURE = b"\x89PNG picture"
REFUSAL = json.dumps({"code": 400, "type": "InternalServerException", "message": "request refused: odd size"})


def model_error(status: int, message: str = "") -> ClientError:
    """ModelError as botocore raises it: the members of the API's model beside Error."""
    return ClientError(
        {
            "Error": {"Code": "ModelError", "Message": "Received error"},
            "ResponseMetadata": {"HTTPStatusCode": 424},
            "OriginalStatusCode": status,
            "OriginalMessage": message,
        },
        "InvokeEndpoint",
    )


def service_error(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},
        "InvokeEndpoint",
    )


FULL = model_error(503, '{"code": 503, "type": "ServiceUnavailableException"}')


@dataclass
class Runtime:
    """Stands for sagemaker-runtime: answers what it is told to, then pictures."""

    answers: list[Exception] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def invoke_endpoint(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append(parameters)
        if self.answers:
            raise self.answers.pop(0)
        return {"ContentType": "image/png", "Body": io.BytesIO(PICTURE)}


@dataclass
class Realtime:
    """A realtime campaign's functions, and Lambda's part between queue and function."""

    campaign: Campaign
    runtime: Runtime
    sqs: Any
    queue: str

    def notes(self) -> list[dict[str, Any]]:
        """Take what is visible off the queue, as an event's records."""
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, AttributeNames=["All"])
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
            }
            for message in found.get("Messages", [])
        ]

    def draw(self, records: list[dict[str, Any]] | None = None, milliseconds: int = 120_000) -> list[str]:
        """Run the function once a note; the ids of those to come again."""
        again = []
        for record in self.notes() if records is None else records:
            answer = drawing.handler({"Records": [record]}, LambdaContext(milliseconds))
            failed = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
            if not failed:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=record["receiptHandle"])
            again += failed
        return again

    def picture(self) -> bytes:
        bucket, key = self.campaign.row()["picture_location"].removeprefix("s3://").split("/", 1)
        body: bytes = self.campaign.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


@pytest.fixture
def realtime(
    monkeypatch: pytest.MonkeyPatch, printed: Callable[[], str], clients: tuple[Clients, Clients]
) -> Iterator[Realtime]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr("image_api.drawing.time.sleep", lambda _: None)
    one_request_at_a_time(monkeypatch)
    with mock_aws():
        functions, _ = clients
        create_resources(functions.dynamodb, functions.s3)
        sqs = boto3.client("sqs")
        queue = sqs.create_queue(QueueName="drawings", Attributes={"VisibilityTimeout": "720"})["QueueUrl"]
        settings = from_environment(
            {
                **ENVIRONMENT,
                "BACKEND": "sagemaker-realtime",
                "DRAWINGS_QUEUE": queue,
                "INVOCATION_TIMEOUT_SECONDS": "60",
            }
        )
        runtime = Runtime()
        deployed = Campaign(functions.dynamodb, functions.s3, AsyncEndpoint(functions.s3), printed)
        app = Application(
            settings=settings,
            jobs=Jobs(functions.dynamodb, "jobs"),
            backend=SageMakerRealtime(sqs, settings),
            s3=functions.s3,
            sqs=sqs,
            endpoint=RealtimeEndpoint(runtime, settings),
            now=lambda: deployed.time,
        )
        for module in (front, completion, reconciliation, drawing):
            monkeypatch.setattr(module, "_application", lambda: app)
        yield Realtime(deployed, runtime, sqs, queue)


def test_a_post_is_queued_and_drawn_into_the_job(realtime: Realtime) -> None:
    answer = realtime.campaign.post({"prompt": "a red fox"})
    assert answer["statusCode"] == 202
    assert realtime.campaign.row()["state"] == "submitted"

    assert realtime.draw() == []

    row = realtime.campaign.row()
    assert row["state"] == "done"
    assert realtime.picture() == PICTURE
    (asked,) = realtime.runtime.asked
    assert asked["InferenceId"] == f"{row['job_id']}.1"
    assert json.loads(asked["Body"])["prompt"] == "a red fox"
    assert (asked["ContentType"], asked["Accept"]) == ("application/json", "image/png")
    assert realtime.campaign.metric("PicturesCompleted") == [1]
    assert realtime.notes() == []


def test_the_queue_holds_no_prompt_and_no_payload_is_written(realtime: Realtime) -> None:
    realtime.campaign.post({"prompt": "confidential-7f3a"})
    (note,) = realtime.notes()
    assert "confidential" not in json.dumps(note)
    assert realtime.campaign.s3.list_objects_v2(Bucket="demo-payloads")["KeyCount"] == 0
    realtime.draw([note])
    assert "confidential" not in realtime.campaign.printed()


def test_the_same_note_twice_is_one_inference(realtime: Realtime) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    notes = realtime.notes()
    assert realtime.draw(notes) == []
    assert realtime.draw(notes) == []
    assert len(realtime.runtime.asked) == 1


def test_a_note_whose_attempt_is_being_drawn_comes_again(realtime: Realtime) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    (note,) = realtime.notes()
    during: list[list[str]] = []
    invoke = realtime.runtime.invoke_endpoint

    def meanwhile(**parameters: Any) -> dict[str, Any]:
        during.append(realtime.draw([note]))
        return invoke(**parameters)

    realtime.runtime.invoke_endpoint = meanwhile  # type: ignore[method-assign]
    assert realtime.draw([note]) == []
    assert during == [[note["messageId"]]]
    assert len(realtime.runtime.asked) == 1


def test_a_refusal_of_the_model_fails_the_job_with_its_reason(realtime: Realtime) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    realtime.runtime.answers = [model_error(400, REFUSAL)]
    realtime.draw()
    row = realtime.campaign.row()
    assert (row["state"], row["reason"]) == ("failed", "The model refused the request: odd size")
    assert len(realtime.runtime.asked) == 1


@pytest.mark.parametrize(
    "error",
    [
        model_error(500, "worker died"),
        model_error(0, "Your invocation timed out"),
        ReadTimeoutError(endpoint_url="https://runtime.sagemaker"),
    ],
    ids=["server error", "no answer in 60 s", "read time-out"],
)
def test_a_failed_attempt_is_followed_by_another_at_once(realtime: Realtime, error: Exception) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    realtime.runtime.answers = [error]
    assert realtime.draw() == []
    assert (realtime.campaign.row()["state"], realtime.campaign.row()["attempt"]) == ("submitted", "2")
    assert realtime.draw() == []
    assert realtime.campaign.row()["state"] == "done"


def test_attempts_end(realtime: Realtime) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    realtime.runtime.answers = [model_error(500) for _ in range(9)]
    while notes := realtime.notes():
        realtime.draw(notes)
    row = realtime.campaign.row()
    assert (row["state"], len(realtime.runtime.asked)) == ("failed", 3)
    assert row["reason"].startswith("Given up after 3 attempts. The model answered with an error (500).")


@pytest.mark.parametrize(
    "busy",
    [
        FULL,
        service_error("ThrottlingException", 400),
        service_error("ServiceUnavailable", 503),
        EndpointConnectionError(endpoint_url="https://runtime.sagemaker"),
    ],
    ids=["full container", "throttled", "unavailable", "no connection"],
)
def test_a_busy_endpoint_is_asked_again_and_costs_no_attempt(realtime: Realtime, busy: Exception) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    realtime.runtime.answers = [busy, busy]
    assert realtime.draw() == []
    row = realtime.campaign.row()
    assert (row["state"], row["attempt"], len(realtime.runtime.asked)) == ("done", "1", 3)


def test_one_that_stays_busy_has_the_note_put_back(realtime: Realtime) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    realtime.runtime.answers = [FULL]
    (note,) = realtime.notes()
    # 85 s are kept for the call and what comes after it: with 80 left there is no second one.
    assert realtime.draw([note], milliseconds=80_000) == [note["messageId"]]
    row = realtime.campaign.row()
    assert (row["state"], row["attempt"]) == ("submitted", "1")
    assert "drawing_until" not in row
    realtime.sqs.change_message_visibility(
        QueueUrl=realtime.queue, ReceiptHandle=note["receiptHandle"], VisibilityTimeout=0
    )
    assert realtime.draw() == []
    assert realtime.campaign.row()["state"] == "done"


def test_an_endpoint_that_is_not_there_fails_the_job_with_a_reason(realtime: Realtime) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    realtime.runtime.answers = [service_error("ValidationError", 400)]
    assert realtime.draw() == []
    row = realtime.campaign.row()
    assert row["state"] == "failed"
    assert (
        row["reason"]
        == "The model's endpoint does not take requests: InvokeEndpoint answered ValidationError."
    )


def test_a_queue_that_is_gone_is_a_503_to_who_asks(realtime: Realtime) -> None:
    realtime.sqs.delete_queue(QueueUrl=realtime.queue)
    assert realtime.campaign.post({"prompt": "a red fox"})["statusCode"] == 503
    assert realtime.campaign.row()["state"] == "failed"


class _Died(BaseException):
    """The function's process ends here."""


def test_a_function_that_died_over_a_picture_is_noticed_and_the_job_is_drawn(realtime: Realtime) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    realtime.runtime.answers = [_Died()]  # type: ignore[list-item]
    (note,) = realtime.notes()
    with pytest.raises(_Died):
        realtime.draw([note])
    realtime.campaign.time += 61
    realtime.campaign.reconcile()
    assert realtime.campaign.row()["attempt"] == "1", "its lease has not run out"
    realtime.campaign.time += 120
    realtime.campaign.reconcile()
    assert realtime.campaign.row()["attempt"] == "2"
    assert realtime.draw() == []
    assert realtime.campaign.row()["state"] == "done"
    # The first note comes again and finds its attempt gone.
    assert realtime.draw([note]) == []
    assert len(realtime.runtime.asked) == 2


def test_a_function_that_died_between_picture_and_row_costs_no_second_inference(
    realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    (note,) = realtime.notes()

    def die(*_: Any) -> None:
        raise _Died

    with monkeypatch.context() as patched:
        patched.setattr("image_api.drawing.progress.finish", die)
        with pytest.raises(_Died):
            realtime.draw([note])
    note["attributes"]["ApproximateReceiveCount"] = "2"
    assert realtime.draw([note]) == []
    assert realtime.campaign.row()["state"] == "done"
    assert len(realtime.runtime.asked) == 1


def test_a_front_end_that_died_before_noting_the_submission_changes_nothing(realtime: Realtime) -> None:
    realtime.campaign.post({"prompt": "a red fox"})
    realtime.campaign.dynamodb.update_item(
        TableName="jobs",
        Key={"job_id": {"S": realtime.campaign.row()["job_id"]}},
        UpdateExpression="SET #s = :s REMOVE output_location, failure_location, submitted_at",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":s": {"S": "submitting"}},
    )
    assert realtime.draw() == []
    assert realtime.campaign.row()["state"] == "done"


def test_a_message_that_is_no_note_does_not_come_again(realtime: Realtime) -> None:
    realtime.sqs.send_message(QueueUrl=realtime.queue, MessageBody="hello")
    assert realtime.draw() == []
    assert realtime.runtime.asked == []


def moderate(realtime: Realtime, monkeypatch: pytest.MonkeyPatch) -> Rekognition:
    """Have the pictures looked at from now on."""
    rekognition = Rekognition(realtime.campaign.s3)
    rules = ModerationRules(pictures=PictureRule(80.0, ()))
    clients = Clients(realtime.campaign.dynamodb, realtime.campaign.s3, None, rekognition=rekognition)
    plain = drawing._application()
    for module, kind in ((front, "prompts"), (drawing, "pictures"), (reconciliation, "pictures")):
        app = with_moderation(plain, rules, clients, kind)  # type: ignore[arg-type]
        monkeypatch.setattr(module, "_application", lambda app=app: app)
    return rekognition


def test_an_unfit_picture_is_deleted_and_not_drawn_again(
    realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    moderate(realtime, monkeypatch).see()
    realtime.campaign.post({"prompt": "a red fox"})
    assert realtime.draw() == []
    assert realtime.campaign.row()["reason"] == "Moderation refused the picture."
    assert realtime.campaign.s3.list_objects_v2(Bucket="demo-pictures")["KeyCount"] == 0
    assert realtime.campaign.metric("PicturesRefused") == [1.0]
    assert realtime.campaign.post({"prompt": "a red fox"})["statusCode"] == 422
    assert len(realtime.runtime.asked) == 1


def test_a_note_of_a_condemned_job_ends_it_and_draws_nothing(
    realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    moderate(realtime, monkeypatch)
    realtime.campaign.post({"prompt": "a red fox"})
    row = realtime.campaign.row()
    app = drawing._application()
    app.jobs.condemn(row["job_id"], f"s3://demo-pictures/pictures/{row['job_id']}.1.png", app.now())
    assert realtime.draw() == []
    assert realtime.campaign.row()["state"] == "failed"
    assert realtime.runtime.asked == []


def test_a_picture_that_nobody_could_look_at_comes_again_and_is_not_drawn_again(
    realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rekognition = moderate(realtime, monkeypatch)
    rekognition.error = service_error("ThrottlingException", 400)
    realtime.campaign.post({"prompt": "a red fox"})
    (note,) = realtime.notes()
    assert realtime.draw([note]) == [note["messageId"]]
    assert realtime.campaign.row()["state"] == "submitted"
    rekognition.error = None
    again = {**note, "attributes": {**note["attributes"], "ApproximateReceiveCount": "2"}}
    assert realtime.draw([again]) == []
    assert realtime.campaign.row()["state"] == "done"
    assert len(realtime.runtime.asked) == 1
