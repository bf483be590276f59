"""The SageMaker real-time endpoint as a backend: a queue of our own, and a function that calls it."""

from __future__ import annotations

import json
from typing import Any

from image_api.backend import Submission, inference_id
from image_api.call import call
from image_api.job import Job
from image_api.s3_location import FAILURES_PREFIX, PICTURES_PREFIX, S3Location
from image_api.settings import Settings


class SageMakerRealtime:
    """Puts a note into the queue that says which attempt to draw.

    The request itself is in the job's row, which the drawing function reads anyway: no prompt is queued.
    """

    def __init__(self, sqs: Any, settings: Settings) -> None:
        self._sqs = sqs
        self._settings = settings

    def submit(self, job: Job) -> Submission:
        """See :meth:`image_api.backend.Backend.submit`."""
        note = json.dumps({"job_id": job.job_id, "attempt": job.attempt})
        call(self._sqs.send_message, QueueUrl=self._settings.drawings_queue, MessageBody=note)
        return promised(job, self._settings)


def promised(job: Job, settings: Settings) -> Submission:
    """Where the drawing function writes what became of ``job``'s attempt."""
    name = inference_id(job)
    return Submission(
        S3Location(settings.pictures_bucket, f"{PICTURES_PREFIX}{name}.png").uri,
        S3Location(settings.pictures_bucket, f"{FAILURES_PREFIX}{name}.json").uri,
    )
