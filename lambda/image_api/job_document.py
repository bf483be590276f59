"""A job as the API shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from image_api.application import Application
from image_api.job import Job
from image_api.links import PICTURE_CONTENT_TYPE, picture_link
from image_api.s3_location import S3Location


def job_document(app: Application, job: Job) -> dict[str, Any]:
    """The JSON document of ``job``: queued, done with a link to the picture, or failed with the reason."""
    document = {"id": job.job_id, "status": job.state, "created_at": rfc3339(job.created_at)}
    if job.is_open:
        return {**document, "status": "queued"}
    if job.completed_at is not None:
        document["completed_at"] = rfc3339(job.completed_at)
    if job.state == "failed":
        return {**document, "reason": job.reason}
    return {**document, "picture": _picture(app, S3Location.parse(job.picture_location or ""))}


def _picture(app: Application, picture: S3Location) -> dict[str, str]:
    seconds = app.settings.link_seconds
    return {
        "url": picture_link(app.s3, picture, seconds),
        "content_type": PICTURE_CONTENT_TYPE,
        "expires_at": rfc3339(app.now() + seconds),
    }


def rfc3339(moment: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
