"""The SageMaker asynchronous endpoint as a backend."""

from __future__ import annotations

from typing import Any

from image_api.backend import Submission, inference_id
from image_api.call import call
from image_api.job import Job
from image_api.s3_location import S3Location
from image_api.settings import Settings


class SageMakerAsync:
    """Puts the payload into S3 and the request into the endpoint's queue.

    By S3 and not in the call: an inline body has a limit of 128,000 bytes, and a payload in S3 tells
    afterwards what was asked. Each attempt has a payload of its own, so none is overwritten while the
    endpoint may read it.
    """

    def __init__(self, s3: Any, sagemaker: Any, settings: Settings) -> None:
        self._s3 = s3
        self._sagemaker = sagemaker
        self._settings = settings

    def submit(self, job: Job) -> Submission:
        """See :meth:`image_api.backend.Backend.submit`."""
        payload = S3Location(self._settings.payloads_bucket, f"payloads/{job.job_id}/{job.attempt}.json")
        call(
            self._s3.put_object,
            Bucket=payload.bucket,
            Key=payload.key,
            Body=job.request.encode(),
            ContentType="application/json",
        )
        answer = call(
            self._sagemaker.invoke_endpoint_async,
            EndpointName=self._settings.endpoint_name,
            InferenceId=inference_id(job),
            InputLocation=payload.uri,
            ContentType="application/json",
            Accept="image/png",
            RequestTTLSeconds=self._settings.request_ttl_seconds,
            InvocationTimeoutSeconds=self._settings.invocation_timeout_seconds,
        )
        return Submission(answer["OutputLocation"], answer.get("FailureLocation"))
