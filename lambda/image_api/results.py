"""What the endpoint has written to S3 for an attempt: a picture, or why there is none."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from image_api.application import Application
from image_api.failure import Failure, classify
from image_api.s3_location import FAILURES_PREFIX, PICTURES_PREFIX, S3Location

_ANSWER_READ = 4096


def is_picture(app: Application, location: S3Location) -> bool:
    """It stands where this campaign's pictures stand; no other object is ever linked to."""
    return location.bucket == app.settings.pictures_bucket and location.key.startswith(PICTURES_PREFIX)


def picture_at(app: Application, uri: str | None) -> S3Location | None:
    """The picture at ``uri``, if it is there; raises ClientError where S3 does not tell."""
    location = _parse(uri)
    if location is None or not is_picture(app, location):
        return None
    found = _or_none(app.s3.head_object, location)
    return None if found is None else location


def failure_at(app: Application, uri: str | None) -> Failure | None:
    """The container's answer at ``uri``, if it is there; raises ClientError where S3 does not tell."""
    location = _parse(uri)
    if location is None or location.bucket != app.settings.pictures_bucket:
        return None
    if not location.key.startswith(FAILURES_PREFIX):
        return None
    found = _or_none(app.s3.get_object, location)
    return None if found is None else classify(found["Body"].read(_ANSWER_READ).decode("utf-8", "replace"))


def _parse(uri: str | None) -> S3Location | None:
    try:
        return None if uri is None else S3Location.parse(uri)
    except ValueError:
        return None


def _or_none(operation: Any, location: S3Location) -> Any:
    try:
        return operation(Bucket=location.bucket, Key=location.key)
    except ClientError as error:
        # Without s3:ListBucket S3 answers 403 for what is not there: the stack's error, and raised.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
