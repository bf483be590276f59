"""The function on a schedule: jobs that nobody finished are finished, tried again or given up.

Notifications are not promised to arrive, and a function can die between any two calls. So every job that
has been open for a minute is looked after until it is terminal. All its writes are conditional on the
attempt that was looked at: two runs at once do no harm.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_api import progress, results
from image_api.application import Application, build
from image_api.failure import Failure
from image_api.invocation import invocation
from image_api.job import Job
from image_api.jobs import SHARDS
from image_api.moderation.refusal import NOT_LOOKED_AT
from image_api.moderation.unavailable import ModerationUnavailableError
from image_api.s3_location import S3Location
from image_api.telemetry import Metrics, describe, logger, metrics_of

# Longer than any function that submits may run: a job that has been submitting for this long has lost its
# submitter.
LOOK_AFTER_SECONDS = 60
# Past time to live and invocation time-out, how late the endpoint's last word may be.
LAST_WORD_SECONDS = 60
# Kept of the function's time for the looks under way, each at most a few calls.
RESERVE_SECONDS = 20
# What a run takes in any case: with a clock that is ahead the remaining time reads as none, run after run.
LEAST_SECONDS = 10
THREADS = 8


class ReconciliationError(RuntimeError):
    """Some jobs, or lists of them, met an AWS error; the next run looks again. Raised for an alarm to see."""


def handler(event: Any, context: Any) -> dict[str, int]:  # noqa: ARG001 - Lambda's signature
    """Look after open jobs, longest neglected first, for as long as the function may run.

    Returns:
        How many jobs were looked after.

    Raises:
        ReconciliationError: AWS failed for some jobs or shards; the others are looked after.
    """
    app = _application()
    allowed = max(LEAST_SECONDS, context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    until = time.monotonic() + allowed
    with invocation("reconciliation", context), metrics_of(app.settings.campaign) as metrics:
        _tell_of_pause(app, metrics)
        looked, failed = _look_after_all(app, metrics, until)
        if looked:
            logger.info("reconciled", jobs=looked, failed=failed)
        if failed:
            raise ReconciliationError(f"{failed} of {looked} jobs or lists of them met an AWS error")
    return {"jobs": looked}


def _tell_of_pause(app: Application, metrics: Metrics) -> None:
    """Count this minute if it is one of a pause; whether it is, a job's next attempt asks for itself."""
    try:
        if app.jobs.pause(app.now()).is_paused:
            metrics.count("Paused")
    except (ClientError, BotoCoreError) as error:
        logger.error("pause not read", **describe(error))


def _look_after_all(app: Application, metrics: Metrics, until: float) -> tuple[int, int]:
    looked = failed = 0
    unlisted: list[str] = []
    under_way: set[Future[bool]] = set()
    with ThreadPoolExecutor(THREADS) as pool:
        for job_id in _neglected(app, unlisted):
            if time.monotonic() >= until:
                logger.warning("out of time; the next run goes on")
                break
            if len(under_way) >= 2 * THREADS:
                ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                failed += sum(not future.result() for future in ended)
            # With the span that is open here, which a thread of a pool does not know of.
            look = copy_context().run
            under_way.add(pool.submit(look, _look_after_one, app, job_id, metrics))
            looked += 1
    failed += sum(not future.result() for future in under_way)
    return looked, failed + len(unlisted)


def _neglected(app: Application, unlisted: list[str]) -> Iterator[str]:
    """Ids of the jobs to look after; the shards of which AWS did not tell come into ``unlisted``."""
    # In another order each time, so that none is always last when time runs out.
    for shard in random.sample(SHARDS, len(SHARDS)):
        try:
            yield from app.jobs.open_ids(shard, app.now() - LOOK_AFTER_SECONDS)
        except (ClientError, BotoCoreError) as error:
            logger.error("open jobs not listed", shard=shard, **describe(error))
            unlisted.append(shard)


def _look_after_one(app: Application, job_id: str, metrics: Metrics) -> bool:
    """Look after one job; False when AWS failed."""
    try:
        job = app.jobs.get(job_id, consistent=True)
        # The index lags behind the table: somebody may have seen to it by now.
        if job is not None and job.is_open and job.updated_at <= app.now() - LOOK_AFTER_SECONDS:
            look_after(app, job, metrics)
    except (ClientError, BotoCoreError) as error:
        logger.error("job not looked after", job_id=job_id, **describe(error))
        return False
    return True


def look_after(app: Application, job: Job, metrics: Metrics) -> None:
    """Do what ``job``, open and untouched for LOOK_AFTER_SECONDS, needs."""
    if job.refused_picture is not None:
        progress.refuse(app, job.job_id, S3Location.parse(job.refused_picture), metrics)
        return
    if job.state == "submitting":
        progress.try_again(
            app, job, Failure(False, "The backend did not take it.", "never accepted"), metrics
        )
        return
    picture = results.picture_at(app, job.output_location)
    if picture is not None:
        _finish(app, job, picture, metrics)
        return
    failure = results.failure_at(app, job.failure_location)
    if failure is None and _is_lost(app, job):
        failure = Failure(False, "The function that drew it ended early.", "lost")
    if failure is None and _is_overdue(app, job):
        failure = Failure(False, "The model did not answer in time.", "overdue")
    if failure is None and job.held_at is not None:
        failure = Failure(False, "Its attempt ended while the campaign was paused.", "paused")
    if failure is not None:
        progress.try_again(app, job, failure, metrics)
        return
    app.jobs.touch(job, app.now())


def _finish(app: Application, job: Job, picture: S3Location, metrics: Metrics) -> None:
    try:
        progress.finish(app, job.job_id, picture, metrics)
    except ModerationUnavailableError:
        if not _is_overdue(app, job):
            raise
        progress.give_up(app, job, NOT_LOOKED_AT, metrics)


def _is_lost(app: Application, job: Job) -> bool:
    """A function of ours drew it and is no more: it would have finished the job or put it back."""
    return job.drawing_until is not None and app.now() > job.drawing_until + LAST_WORD_SECONDS


def _is_overdue(app: Application, job: Job) -> bool:
    allowed = app.settings.request_ttl_seconds + app.settings.invocation_timeout_seconds + LAST_WORD_SECONDS
    return app.now() > (job.submitted_at or job.updated_at) + allowed


@cache
def _application() -> Application:
    return build(os.environ, moderates="pictures")


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _application()  # in Lambda's init phase, which has a whole core
