"""The SageMaker asynchronous endpoint as a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_api.backend import BackendRefusedError, BackendUnavailableError, Submission, inference_id
from image_api.jobs import Job
from image_api.s3_location import S3Location
from image_api.settings import Settings

# Refusals with a status below 500 that pass by themselves (botocore's own list of throttling and transient
# codes has the same): too many requests, a clock that is off, a request that took too long to arrive.
_PASSING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "SlowDown",
        "RequestTimeout",
        "RequestTimeoutException",
        "RequestTimeTooSkewed",
        "ExpiredToken",
        "ExpiredTokenException",
        "ModelNotReadyException",
    }
)


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
        _call(
            self._s3.put_object,
            Bucket=payload.bucket,
            Key=payload.key,
            Body=job.request.encode(),
            ContentType="application/json",
        )
        answer = _call(
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


def _call(operation: Callable[..., Any], **parameters: Any) -> Any:
    """Call AWS; errors by what asking again would do. Their text stays here: it may hold parameters."""
    try:
        return operation(**parameters)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "an error without a code"))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        where = f"{error.operation_name} answered {code}"
        if status < 500 and code not in _PASSING:
            raise BackendRefusedError(where) from None
        raise BackendUnavailableError(where) from None
    except BotoCoreError as error:
        raise BackendUnavailableError(f"no answer ({type(error).__name__})") from None
