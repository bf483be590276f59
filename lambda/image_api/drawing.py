"""The function behind the queue of a realtime campaign: has the endpoint draw, and finishes the job.

The queue delivers at least once and this function may die anywhere. A lease in the job's row keeps two from
drawing one attempt at a time; a note comes again until it was taken in; reconciliation sees to the rest.
"""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_api import progress, results, stages
from image_api.application import Application, build
from image_api.invocation import invocation
from image_api.job import Job
from image_api.realtime_endpoint import Answer, Busy, Drawn, NotDrawn, Refused
from image_api.s3_location import S3Location
from image_api.sagemaker_realtime import promised
from image_api.telemetry import Metrics, describe, logger, metrics_of

# What a call may take past the invocation time-out (aws.py's read time-out has the same), and what is kept
# for writing the picture and the row.
CALL_SECONDS = 10
RESERVE_SECONDS = 15
# The first and the longest pause before a busy endpoint is asked again; each is a random part of it, so that
# those who wait don't come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
# Until a note that was put back is delivered again.
PUT_BACK_SECONDS = 10


@dataclass(frozen=True)
class Note:
    """A message of the queue: which attempt to draw."""

    message_id: str
    receipt: str
    deliveries: int
    job_id: str
    attempt: int


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Draw what the notes of one event name.

    Returns:
        The notes to be delivered again (ReportBatchItemFailures).
    """
    app = _application()
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    with invocation("drawing", context), metrics_of(app.settings.campaign) as metrics:
        again = [
            record["messageId"] for record in event["Records"] if not _take_in(app, record, until, metrics)
        ]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def _take_in(app: Application, record: dict[str, Any], until: float, metrics: Metrics) -> bool:
    """Act on one note; False when it is to come again."""
    note = parse(record)
    if note is None:
        logger.error("not a note", message_id=record["messageId"])
        return True
    try:
        return _draw(app, note, until, metrics)
    except (ClientError, BotoCoreError) as error:
        # The lease is kept: the picture may be drawn and only not noted, and then nobody draws it again.
        logger.error("drawing not noted", job_id=note.job_id, **describe(error))
        return False


def parse(record: dict[str, Any]) -> Note | None:
    """A record of an SQS event; None for what is no note."""
    try:
        body = json.loads(record["body"])
        deliveries = int(record["attributes"]["ApproximateReceiveCount"])
        return Note(
            record["messageId"],
            record["receiptHandle"],
            deliveries,
            str(body["job_id"]),
            int(body["attempt"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _draw(app: Application, note: Note, until: float, metrics: Metrics) -> bool:
    job = app.jobs.get(note.job_id, consistent=True)
    if job is None or not job.is_open or job.attempt != note.attempt:
        logger.info("attempt is stale", job_id=note.job_id, attempt=note.attempt)
        return True
    if job.refused_picture is not None:
        progress.refuse(app, job.job_id, S3Location.parse(job.refused_picture), metrics)
        return True
    to = promised(job, app.settings)
    # Delivered before: whoever had it may have died between the picture and the row.
    if note.deliveries > 1 and (picture := results.picture_at(app, to.output_location)):
        progress.finish(app, job.job_id, picture, metrics)
        return True
    seconds = until - time.monotonic()
    now = app.now()
    leased = app.jobs.begin_drawing(
        job, to.output_location, to.failure_location or "", now, now + max(0.0, seconds)
    )
    if leased is None:
        logger.info("drawn by another", job_id=job.job_id, attempt=job.attempt)
        _come_again(app, note)
        return False
    began = app.now()
    answer = _answer(app, leased, until)
    drawing = stages.Drawing(began, app.now(), queued_apart=True)
    if isinstance(answer, Busy):
        logger.warning("endpoint is busy; put back", job_id=job.job_id, cause=answer.why)
        app.jobs.put_back(leased, app.now())
        _come_again(app, note)
        return False
    _finish(app, leased, answer, drawing, metrics)
    return True


def _answer(app: Application, job: Job, until: float) -> Answer:
    """The endpoint's answer; Busy when it stays so for as long as there is time to draw afterwards."""
    assert app.endpoint is not None  # noqa: S101 - the stack gives this function to realtime campaigns alone
    last_call = until - app.settings.invocation_timeout_seconds - CALL_SECONDS - RESERVE_SECONDS
    pause = FIRST_PAUSE
    while True:
        answer = app.endpoint.draw(job)
        wait = random.uniform(0, pause)  # noqa: S311 - not a secret
        if not isinstance(answer, Busy) or time.monotonic() + wait > last_call:
            return answer
        time.sleep(wait)
        pause = min(2 * pause, LONGEST_PAUSE)


def _finish(
    app: Application,
    job: Job,
    answer: Drawn | NotDrawn | Refused,
    drawing: stages.Drawing,
    metrics: Metrics,
) -> None:
    """Write what came of ``job``'s attempt where it was promised, and note it."""
    match answer:
        case Drawn(content_type, body):
            picture = S3Location.parse(job.output_location or "")
            app.s3.put_object(Bucket=picture.bucket, Key=picture.key, Body=body, ContentType=content_type)
            progress.finish(app, job.job_id, picture, metrics, drawing)
        case NotDrawn(failure, told):
            kept = S3Location.parse(job.failure_location or "")
            app.s3.put_object(Bucket=kept.bucket, Key=kept.key, Body=told.encode())
            progress.try_again(app, job, failure, metrics)
        case Refused(why):
            progress.give_up(app, job, f"The model's endpoint does not take requests: {why}.", metrics)


def _come_again(app: Application, note: Note) -> None:
    """Have ``note`` delivered again soon: by itself it would be after the queue's visibility time-out."""
    app.sqs.change_message_visibility(
        QueueUrl=app.settings.drawings_queue,
        ReceiptHandle=note.receipt,
        VisibilityTimeout=PUT_BACK_SECONDS,
    )


@cache
def _application() -> Application:
    return build(os.environ, moderates="pictures")


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _application()  # in Lambda's init phase, which has a whole core
