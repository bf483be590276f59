"""The stages of a request's life, as metrics and in the request's trace.

accepted (the row is written) - submitted (the backend has taken it) - drawn (the backend has answered) -
notified (the row says so). Counts are of what happened; seconds are of one stage, so that they add up to
RequestLatency for what was drawn at the first attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from image_api import tracing
from image_api.job import Job
from image_api.telemetry import Metrics

# Seconds that the backend's clock may be off: AWS's own are within a fraction of one.
MOST_SKEW = 5.0


@dataclass(frozen=True)
class Drawing:
    """When the backend had an attempt, by the backend's own clock; seconds since the epoch.

    Attributes:
        received_at: it took the request.
        answered_at: it told what came of it.
        queued_apart: the time before received_at was spent in a queue of ours (realtime).
    """

    received_at: float
    answered_at: float
    queued_apart: bool = False


def submitted(job: Job, metrics: Metrics, *, accepted_at: float, now: float) -> None:
    """The backend has taken ``job``'s attempt, whose row was written at ``accepted_at``."""
    metrics.count("JobsSubmitted")
    metrics.seconds("SubmissionLatency", max(0.0, now - accepted_at))
    tracing.annotate(job_id=job.job_id, attempt=job.attempt)
    tracing.add_function_to(job.trace, now, job_id=job.job_id, attempt=job.attempt)


def finished(job: Job, drawing: Drawing | None, metrics: Metrics, *, now: float) -> None:
    """``job`` has its picture; ``drawing`` is None where nobody told when it was drawn."""
    ended(job, drawing, now=now)
    if drawing is None:
        return
    metrics.seconds("DrawingLatency", max(0.0, drawing.answered_at - drawing.received_at))
    if drawing.queued_apart:
        metrics.seconds("QueueLatency", max(0.0, drawing.received_at - (job.submitted_at or now)))
    else:
        metrics.seconds("NotificationLatency", max(0.0, now - drawing.answered_at))


def ended(job: Job, drawing: Drawing | None, *, now: float) -> None:
    """``job``'s attempt has ended, well or not: what is known of it goes into the request's trace.

    The backend's clock is not ours: its times are held between what we saw ourselves, and those that are
    further off than MOST_SKEW are not gone by at all.
    """
    about: dict[str, tracing.Annotation] = {"job_id": job.job_id, "attempt": job.attempt}
    tracing.annotate(**about, state=job.state)
    submitted_at = job.submitted_at
    if drawing is not None and submitted_at is not None:
        received, answered, seen = _placed(submitted_at, drawing, now)
        seconds = round(drawing.answered_at - drawing.received_at, 3)
        if drawing.queued_apart:
            tracing.add_to(job.trace, "queued", submitted_at, received, **about)
            tracing.add_to(job.trace, "SageMaker", received, answered, **about, seconds=seconds)
        else:
            # Waiting and drawing in one: SageMaker's message tells no more.
            tracing.add_to(job.trace, "SageMaker", received, answered, **about, seconds=seconds)
            tracing.add_to(job.trace, "SNS", answered, max(answered, seen), **about)
    tracing.add_function_to(job.trace, now, **about, state=job.state)


def _placed(submitted_at: float, drawing: Drawing, now: float) -> tuple[float, float, float]:
    """When ``drawing`` was received, answered, and seen to by this invocation; all by our clock."""
    seen = max(submitted_at, min(now, tracing.began() or now))
    is_close = submitted_at - MOST_SKEW <= drawing.received_at <= drawing.answered_at <= now + MOST_SKEW
    if not is_close:
        return submitted_at, seen, seen
    received = min(max(drawing.received_at, submitted_at), now)
    return received, min(max(drawing.answered_at, received), now), seen


def moment(text: str | None) -> float | None:
    """A time as SageMaker's messages write it, in seconds since the epoch; None for anything else."""
    try:
        told = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return told.timestamp() if told.tzinfo is not None else None
