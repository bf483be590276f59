"""The custom resource Custom::BucketCleanup: nothing on create and update, an empty bucket on delete."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from custom_resource.answering import answer

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

# Kept of the function's time for the last batch and the answer: unanswered, CloudFormation waits an hour.
RESERVE_MILLISECONDS = 15_000


class NotEmptiedError(Exception):
    """The bucket still holds something; ``str()`` says why and what to do."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Do what CloudFormation asks and answer it, whatever happens.

    The physical id follows from the bucket's name: a changed name is a replacement, upon which CloudFormation
    deletes the old id, that is, empties the old bucket.
    """
    physical_id = event.get("PhysicalResourceId", "bucket-cleanup")
    try:
        bucket = _bucket_name(event)
        if event.get("RequestType") == "Delete":
            deleted = empty(bucket, context)
            logger.info("deleted %d versions and delete markers from %s", deleted, bucket)
        else:
            physical_id = f"bucket-cleanup-{bucket}"
    except Exception as error:
        # Anything: an exception that gets away leaves the stack waiting for an hour.
        logger.exception("%s failed", event.get("RequestType"))
        answer(event, physical_id, _reason(error))
        return
    answer(event, physical_id)


def empty(bucket: str, context: Any) -> int:
    """Delete every version and delete marker in ``bucket``; a bucket that is gone is empty.

    Returns:
        How many versions and delete markers were deleted.

    Raises:
        NotEmptiedError: S3 keeps an object back, or the function's time is nearly over.
        ClientError, BotoCoreError: S3 refuses, or does not answer.
    """
    deleted = 0
    try:
        # Listed from the start each time: what was listed before is gone by then.
        while versions := _first_versions(bucket):
            if context.get_remaining_time_in_millis() < RESERVE_MILLISECONDS:
                raise NotEmptiedError(
                    f"{deleted} objects of {bucket} were deleted when the function's time was over, "
                    "and more are left. Delete the stack again to go on."
                )
            _delete(bucket, versions)
            deleted += len(versions)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
    return deleted


def _bucket_name(event: dict[str, Any]) -> str:
    name = event.get("ResourceProperties", {}).get("BucketName")
    if not isinstance(name, str) or not name:
        raise NotEmptiedError("The property BucketName is missing; it must name the bucket to empty.")
    return name


def _first_versions(bucket: str) -> list[dict[str, str]]:
    page = _s3().list_object_versions(Bucket=bucket, MaxKeys=1000)
    found = page.get("Versions", []) + page.get("DeleteMarkers", [])
    return [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]


def _delete(bucket: str, versions: list[dict[str, str]]) -> None:
    answer = _s3().delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
    if errors := answer.get("Errors"):
        first = errors[0]
        raise NotEmptiedError(
            f"S3 keeps {len(errors)} objects of {bucket}, the first {first.get('Key')}: {first.get('Code')}."
        )


def _reason(error: Exception) -> str:
    known = isinstance(error, NotEmptiedError | ClientError | BotoCoreError)
    return str(error) if known else f"{type(error).__name__}: {error}"


@cache
def _s3() -> Any:
    return boto3.client("s3", config=Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"}))
