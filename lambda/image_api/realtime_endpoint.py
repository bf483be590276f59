"""Calls of the SageMaker real-time endpoint, and what its answers mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from image_api.backend import inference_id
from image_api.call import is_passing
from image_api.failure import Failure, classify
from image_api.job import Job
from image_api.settings import Settings

# What a container answers that takes nothing more now: its queue is full, or no worker is up
# (awslabs/multi-model-server and pytorch/serve, ServiceUnavailableException).
_FULL = frozenset({429, 503})


@dataclass(frozen=True)
class Drawn:
    """The model's answer: a picture."""

    content_type: str
    body: bytes


@dataclass(frozen=True)
class NotDrawn:
    """The attempt has failed.

    Attributes:
        told: what the container answered, for the failure location.
    """

    failure: Failure
    told: str


@dataclass(frozen=True)
class Busy:
    """The endpoint did not take the request; asked again, it may. ``why`` is free of prompts."""

    why: str


@dataclass(frozen=True)
class Refused:
    """The endpoint takes no requests, however often it is asked. ``why`` is free of prompts."""

    why: str


Answer = Drawn | NotDrawn | Busy | Refused


class RealtimeEndpoint:
    """The campaign's endpoint."""

    def __init__(self, sagemaker: Any, settings: Settings) -> None:
        self._sagemaker = sagemaker
        self._name = settings.endpoint_name

    def draw(self, job: Job) -> Answer:
        """Have the model draw ``job``'s request; waits for it, 60 s at most."""
        try:
            answer = self._sagemaker.invoke_endpoint(
                EndpointName=self._name,
                InferenceId=inference_id(job),
                ContentType="application/json",
                Accept="image/png",
                Body=job.request.encode(),
            )
            return Drawn(answer.get("ContentType", "image/png"), answer["Body"].read())
        except ClientError as error:
            return _meaning(error)
        except ReadTimeoutError:
            return NotDrawn(Failure(False, "The model did not answer in time.", "no answer"), "no answer")
        except BotoCoreError as error:
            # What else goes wrong between here and there does so before the model has the request.
            return Busy(f"no answer ({type(error).__name__})")


def _meaning(error: ClientError) -> Answer:
    response: dict[str, Any] = dict(error.response)
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    if code == "ModelError":
        container = int(response.get("OriginalStatusCode") or 0)
        if container in _FULL:
            return Busy(f"the container answered {container}")
        # No status is no answer within 60 s.
        told = str(response.get("OriginalMessage") or "")
        failure = classify(f"{told}\nerror ({container})" if container else told)
        return NotDrawn(failure, told or f"no answer (status {container})")
    where = f"InvokeEndpoint answered {code or 'an error without a code'}"
    return Busy(where) if is_passing(code, status) else Refused(where)
