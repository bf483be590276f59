"""What the endpoint says by SNS, in every shape it is known to come in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from image_api.backend import parse_inference_id
from image_api.failure import Failure, classify
from image_api.s3_location import S3Location
from image_api.stages import Drawing, moment


@dataclass(frozen=True)
class Completed:
    """An attempt has its picture.

    Attributes:
        drawing: when, where the message says so.
    """

    job_id: str
    attempt: int
    picture: S3Location
    drawing: Drawing | None = None


@dataclass(frozen=True)
class Failed:
    """An attempt has failed.

    Attributes:
        failure_location: ``s3://`` location of the container's answer, where SageMaker tells it.
    """

    job_id: str
    attempt: int
    failure: Failure
    failure_location: str | None


@dataclass(frozen=True)
class Ignored:
    """Nothing to act on, and no retry would change that."""

    why: str


def parse(record: Any) -> Completed | Failed | Ignored:
    """Read one record of an SNS event; never raises, whatever ``record`` is."""
    message = _message(record)
    if message is None:
        return Ignored("not a JSON message from SNS")
    if message.get("eventName") == "TestNotification":
        # Published when the endpoint is created, updated or changes capacity.
        return Ignored("test notification")
    named = parse_inference_id(_text(message, "inferenceId") or "")
    if named is None:
        return Ignored("an inference that is not ours")
    job_id, attempt = named
    status = message.get("invocationStatus")
    response = message.get("responseParameters")
    response = response if isinstance(response, dict) else {}
    if status == "Completed":
        return _completed(job_id, attempt, _text(response, "outputLocation"), _drawing(message))
    if status == "Failed":
        # Seen in both places; AWS documents neither.
        location = _text(message, "failureLocation") or _text(response, "failureLocation")
        return Failed(job_id, attempt, classify(_text(message, "failureReason") or ""), location)
    return Ignored("an invocation status that is neither Completed nor Failed")


def _message(record: Any) -> dict[str, Any] | None:
    try:
        message = json.loads(record["Sns"]["Message"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _completed(
    job_id: str, attempt: int, location: str | None, drawing: Drawing | None
) -> Completed | Ignored:
    try:
        return Completed(job_id, attempt, S3Location.parse(location or ""), drawing)
    except ValueError:
        return Ignored("no output location")


def _drawing(message: dict[str, Any]) -> Drawing | None:
    received, answered = moment(_text(message, "receivedTime")), moment(_text(message, "eventTime"))
    return None if received is None or answered is None else Drawing(received, answered)


def _text(message: dict[str, Any], name: str) -> str | None:
    value = message.get(name)
    return value if isinstance(value, str) and value else None
