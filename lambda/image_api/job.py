"""A job, and the row of the job table that it is kept as."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["submitting", "submitted", "done", "failed"]
Item = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Job:
    """A row of the job table. Times are seconds since the epoch.

    Attributes:
        attempt: which submission to the backend this is, counted over the row's whole life, from 1. Never
            reused, so that the backend's inference id ``<job_id>.<attempt>`` names one submission for ever.
        first_attempt: the attempt that the latest asking began with; the bound on attempts counts from it.
        request: the canonical request, kept here so that whoever finds the job can submit it again.
        trace: the place in its trace of the request that began the job, as X-Amzn-Trace-Id says it.
        updated_at: when somebody last changed the job or looked after it.
        output_location: where the backend will write the picture of this attempt.
        failure_location: where the backend will write why this attempt failed.
        drawing_until: until when a function of ours draws this attempt; None where the backend does.
        held_at: when this attempt ended without a picture while the campaign was paused; the next one waits.
        picture_location: where the picture is; a done job has it.
        reason: why there is no picture; a failed job has it.
        refused_picture: where the picture is, or was, that moderation refused. It ends the job, whoever sees
            it next: the picture is deleted first, so that none is forgotten.
    """

    job_id: str
    state: State
    attempt: int
    first_attempt: int
    created_at: float
    updated_at: float
    request: str = ""
    trace: str | None = None
    submitted_at: float | None = None
    output_location: str | None = None
    failure_location: str | None = None
    drawing_until: float | None = None
    held_at: float | None = None
    completed_at: float | None = None
    picture_location: str | None = None
    reason: str | None = None
    refused_picture: str | None = None
    expires_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Somebody waits for it, nobody has finished it."""
        return self.state in ("submitting", "submitted")

    @property
    def is_refused(self) -> bool:
        """Its picture was drawn, and moderation refused it."""
        return self.state == "failed" and self.refused_picture is not None

    @property
    def attempts_made(self) -> int:
        """Submissions since it was last asked for."""
        return self.attempt - self.first_attempt + 1

    def is_expired(self, now: float) -> bool:
        """It counts as absent, though DynamoDB may not have deleted it yet."""
        return self.expires_at is not None and self.expires_at <= now

    def is_claimable(self, now: float) -> bool:
        """A request for it starts it anew: there is neither a picture nor hope of one.

        A refused picture would be drawn again just as it was.
        """
        return (self.state == "failed" and not self.is_refused) or self.is_expired(now)


def number(value: float) -> dict[str, str]:
    """A number as DynamoDB takes it."""
    # Milliseconds are enough, and repr never writes an exponent at this size.
    return {"N": repr(round(value, 3))}


def whole_number(value: float) -> dict[str, str]:
    # Time to live wants whole seconds.
    return {"N": str(math.ceil(value))}


_TEXTS = (
    "request",
    "trace",
    "output_location",
    "failure_location",
    "picture_location",
    "reason",
    "refused_picture",
)
_TIMES = ("submitted_at", "drawing_until", "held_at", "completed_at", "expires_at")


def item_of(job: Job) -> Item:
    """A new open row."""
    trace: Item = {} if job.trace is None else {"trace": {"S": job.trace}}
    return {
        "job_id": {"S": job.job_id},
        "state": {"S": job.state},
        "attempt": number(job.attempt),
        "first_attempt": number(job.first_attempt),
        "created_at": number(job.created_at),
        "updated_at": number(job.updated_at),
        "request": {"S": job.request},
        "open_since_bucket": {"S": job.job_id[0]},
        **trace,
    }


def job_of(item: Item) -> Job:
    """The job of a row."""
    optional: dict[str, Any] = {name: item[name]["S"] for name in _TEXTS if name in item}
    optional |= {name: float(item[name]["N"]) for name in _TIMES if name in item}
    return Job(
        job_id=item["job_id"]["S"],
        state=item["state"]["S"],  # type: ignore[arg-type]  # only the values above are ever written
        attempt=int(item["attempt"]["N"]),
        first_attempt=int(item["first_attempt"]["N"]),
        created_at=float(item["created_at"]["N"]),
        updated_at=float(item["updated_at"]["N"]),
        **optional,
    )
