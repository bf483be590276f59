"""What moves a job on, whoever finds that it has to: submit it, try again, finish it, give it up."""

from __future__ import annotations

from typing import Any, Literal

from image_api.application import Application
from image_api.backend import BackendRefusedError, BackendUnavailableError
from image_api.failure import Failure
from image_api.job import Job
from image_api.s3_location import S3Location
from image_api.telemetry import Metrics, logger

Submitted = Literal["submitted", "unconfirmed", "refused"]


def submit(app: Application, job: Job, metrics: Metrics) -> Submitted:
    """Hand ``job``'s attempt, which the caller has just won by a conditional write, to the backend.

    "unconfirmed" leaves the row as it is, submitting: the backend may or may not have taken it, so asking
    again at once could draw twice. Reconciliation does it a minute later if no picture has come. "refused"
    has failed the job.
    """
    try:
        submission = app.backend.submit(job)
    except BackendUnavailableError as error:
        logger.warning("submission unconfirmed", **_about(job), cause=str(error))
        return "unconfirmed"
    except BackendRefusedError as refusal:
        logger.error("submission refused", **_about(job), cause=str(refusal))
        give_up(app, job, f"The backend does not take requests: {refusal}.", metrics)
        return "refused"
    # None when the endpoint was faster and the job is done by now: nothing to note then.
    app.jobs.mark_submitted(job, submission.output_location, submission.failure_location, app.now())
    logger.info("submitted", **_about(job))
    return "submitted"


def try_again(app: Application, job: Job, failure: Failure, metrics: Metrics) -> None:
    """``job``'s attempt has failed: begin the next if that can help and is allowed, else give the job up.

    While the campaign is paused the next one waits; what the pause cost is no attempt of the job's.
    """
    if failure.permanent:
        give_up(app, job, failure.reason, metrics)
        return
    pause = app.jobs.pause(app.now())
    if pause.is_paused:
        if app.jobs.hold(job, app.now()) is not None:
            logger.info("held until the campaign is resumed", **_about(job), cause=failure.kind)
        return
    counted = not pause.excuses(job)
    if counted and job.attempts_made >= app.settings.max_attempts:
        give_up(app, job, f"Given up after {job.attempts_made} attempts. {failure.reason}", metrics)
        return
    attempt = app.jobs.begin_attempt(job, app.now(), counted=counted)
    if attempt is None:  # another invocation saw the same failure first, or the picture has come
        logger.info("attempt is stale", **_about(job))
        return
    metrics.count("JobsResubmitted")
    logger.warning("resubmitting", **_about(attempt), cause=failure.kind)
    submit(app, attempt, metrics)


def give_up(app: Application, job: Job, reason: str, metrics: Metrics) -> None:
    """End ``job`` with a reason."""
    if app.jobs.fail(job, reason, app.now(), app.expiry()) is None:
        logger.info("attempt is stale", **_about(job))
        return
    metrics.count("JobsFailed")
    logger.error("job failed", **_about(job))


def finish(app: Application, job_id: str, picture: S3Location, metrics: Metrics) -> None:
    """The picture of ``job_id`` is at ``picture``: done, once, with the time since it was asked for."""
    job = app.jobs.finish(job_id, picture.uri, app.now(), app.expiry())
    if job is None:
        logger.info("already done, or gone", job_id=job_id)
        return
    seconds = max(0.0, app.now() - job.created_at)
    metrics.count("PicturesCompleted")
    metrics.seconds("RequestLatency", seconds)
    logger.info("job done", **_about(job), seconds=round(seconds, 3))


def _about(job: Job) -> dict[str, Any]:
    return {"job_id": job.job_id, "attempt": job.attempt}
