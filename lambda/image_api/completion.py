"""The function behind the endpoint's success and error topics."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_api import progress, results
from image_api.application import Application, build
from image_api.failure import Failure
from image_api.invocation import invocation
from image_api.notification import Completed, Failed, Ignored, parse
from image_api.telemetry import Metrics, describe, logger, metrics_of


class CompletionError(RuntimeError):
    """Some records met an AWS error that a retry may not meet; Lambda delivers the event again."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Take in the records of one SNS event.

    Each record is idempotent, so the whole event may come again: Lambda promises at least once. A record
    that can't be read is logged and passed over, since it would be no better the next time.

    Raises:
        CompletionError: AWS failed for some records; the others are done.
    """
    app = _application()
    records = event.get("Records")
    with invocation("completion", context), metrics_of(app.settings.campaign) as metrics:
        failed = sum(
            not _take_in(app, record, metrics) for record in (records if isinstance(records, list) else [])
        )
        if failed:
            raise CompletionError(f"{failed} of {len(event['Records'])} records met an AWS error")


def _take_in(app: Application, record: Any, metrics: Metrics) -> bool:
    """Act on one record; False when a retry may go better."""
    notification = parse(record)
    if isinstance(notification, Ignored):
        logger.info("notification ignored", why=notification.why)
        return True
    try:
        if isinstance(notification, Completed):
            _complete(app, notification, metrics)
        else:
            _fail(app, notification, metrics)
    except (ClientError, BotoCoreError) as error:
        logger.error("notification not taken in", job_id=notification.job_id, **describe(error))
        return False
    return True


def _complete(app: Application, notification: Completed, metrics: Metrics) -> None:
    """Finish the job.

    Without looking for the picture first: SageMaker publishes after it has written, S3 reads are strongly
    consistent, and only the endpoint's role may publish to the topic.
    """
    if not results.is_picture(app, notification.picture):
        logger.error("output outside of the campaign's pictures", job_id=notification.job_id)
        return
    progress.finish(app, notification.job_id, notification.picture, metrics, notification.drawing)


def _fail(app: Application, notification: Failed, metrics: Metrics) -> None:
    """Try the job again or give it up, if this is about the attempt that it is at."""
    job = app.jobs.get(notification.job_id, consistent=True)
    if job is None or not job.is_open or job.attempt != notification.attempt:
        logger.info("attempt is stale", job_id=notification.job_id, attempt=notification.attempt)
        return
    progress.try_again(app, job, _failure(app, notification), metrics)


def _failure(app: Application, notification: Failed) -> Failure:
    """The failure, in the container's own words where they were kept: the message may only say a status."""
    try:
        kept = results.failure_at(app, notification.failure_location)
    except (ClientError, BotoCoreError) as error:
        logger.warning("failure not read", job_id=notification.job_id, **describe(error))
        return notification.failure
    return kept if kept is not None and kept.permanent else notification.failure


@cache
def _application() -> Application:
    return build(os.environ, moderates="pictures")


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _application()  # in Lambda's init phase, which has a whole core
