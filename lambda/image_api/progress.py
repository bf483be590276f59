"""What moves a job on, whoever finds that it has to: submit it, try again, finish it, give it up."""

from __future__ import annotations

from typing import Any, Literal

from image_api import stages, tracing
from image_api.application import Application
from image_api.backend import BackendRefusedError, BackendUnavailableError
from image_api.failure import Failure
from image_api.job import Job
from image_api.moderation.pictures import PictureModeration
from image_api.moderation.refusal import REFUSED, UNREADABLE
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
    now = app.now()
    app.jobs.mark_submitted(job, submission.output_location, submission.failure_location, now)
    stages.submitted(job, metrics, accepted_at=job.updated_at, now=now)
    logger.info("submitted", **_about(job))
    return "submitted"


def try_again(app: Application, job: Job, failure: Failure, metrics: Metrics) -> None:
    """``job``'s attempt has failed: begin the next if that can help and is allowed, else give the job up.

    While the campaign is paused the next one waits; what the pause cost is no attempt of the job's.
    """
    if job.refused_picture is not None:
        refuse(app, job.job_id, S3Location.parse(job.refused_picture), metrics)
        return
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
    stages.ended(job, None, now=app.now())
    logger.error("job failed", **_about(job))


def finish(
    app: Application,
    job_id: str,
    picture: S3Location,
    metrics: Metrics,
    drawing: stages.Drawing | None = None,
) -> None:
    """The picture of ``job_id`` is at ``picture``: done, once, with the time since it was asked for.

    Where the campaign moderates, it is looked at first, by whoever comes here.

    Raises:
        ModerationUnavailableError: nobody could look at it; it is not shown.
    """
    if app.pictures is not None and not _may_be_shown(app, app.pictures, job_id, picture, metrics):
        return
    job = app.jobs.finish(job_id, picture.uri, app.now(), app.expiry())
    if job is None:
        logger.info("already done, or gone", job_id=job_id)
        return
    seconds = max(0.0, app.now() - job.created_at)
    metrics.count("PicturesCompleted")
    metrics.seconds("RequestLatency", seconds)
    stages.finished(job, drawing, metrics, now=app.now())
    logger.info("job done", **_about(job), seconds=round(seconds, 3))


def _may_be_shown(
    app: Application, moderation: PictureModeration, job_id: str, picture: S3Location, metrics: Metrics
) -> bool:
    job = app.jobs.get(job_id, consistent=True)
    if job is None or job.state == "done":
        return True  # there is nothing to finish
    if job.refused_picture is not None:
        # It may be another attempt's, and may not be deleted yet: the mark has room for one.
        refuse(app, job_id, S3Location.parse(job.refused_picture), metrics)
        refuse(app, job_id, picture, metrics)
        return False
    verdict = moderation.look_at(picture)
    if verdict == "unfit":
        refuse(app, job_id, picture, metrics)
    elif verdict == "unreadable":
        give_up(app, job, UNREADABLE, metrics)
    return verdict == "fit"


def refuse(app: Application, job_id: str, picture: S3Location, metrics: Metrics) -> None:
    """Moderation has refused ``picture``: delete it, and end the job with that reason.

    The row says so before and after. Whoever dies between leaves a job that is open and condemned, and who
    finds it goes on from here; asking for it again draws nothing.
    """
    if app.jobs.condemn(job_id, picture.uri, app.now()) is None:
        logger.info("already done, or gone", job_id=job_id)
        return
    app.s3.delete_object(Bucket=picture.bucket, Key=picture.key)
    job = app.jobs.refuse(job_id, REFUSED, app.now(), app.expiry())
    if job is None:
        logger.info("already refused", job_id=job_id)
        return
    metrics.count("PicturesRefused")
    logger.warning("picture refused", **_about(job))


def _about(job: Job) -> dict[str, Any]:
    """``request_trace`` is the trace of the request that began the job; ``xray_trace_id``, which Powertools
    adds, is the invocation's own."""
    request_trace = tracing.root(job.trace)
    return {
        "job_id": job.job_id,
        "attempt": job.attempt,
        **({"request_trace": request_trace} if request_trace else {}),
    }
