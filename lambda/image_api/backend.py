"""The seam to whatever draws pictures: submit a job, and nothing else known of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from image_api.job import Job

_INFERENCE_ID = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Submission:
    """A backend's promise.

    Attributes:
        output_location: ``s3://`` location where the picture will be.
        failure_location: ``s3://`` location where the reason will be if there is none, where the backend
            tells.
    """

    output_location: str
    failure_location: str | None


class BackendRefusedError(Exception):
    """The backend will not take this job, however often it is asked; ``str()`` says why, free of prompts."""


class BackendUnavailableError(Exception):
    """The backend did not say that it took the job; asked again, it may. It may also have taken it."""


class Backend(Protocol):
    """Draws pictures, some time later."""

    def submit(self, job: Job) -> Submission:
        """Hand ``job``'s current attempt over, under the id that :func:`inference_id` gives.

        Raises:
            BackendRefusedError: asking again would not help.
            BackendUnavailableError: asking again may help.
        """
        ...


def inference_id(job: Job) -> str:
    """The name of ``job``'s current attempt: at most 64 printable characters, as SageMaker wants it."""
    return f"{job.job_id}.{job.attempt}"


def parse_inference_id(text: str) -> tuple[str, int] | None:
    """Job id and attempt out of an inference id; None for one that is not ours."""
    match = _INFERENCE_ID.fullmatch(text)
    return None if match is None else (match[1], int(match[2]))
