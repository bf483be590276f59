"""What a client is told of a refusal: that it is one, and never which word, label or rule."""

from __future__ import annotations

from typing import Literal

from image_api.problem import Problem
from image_api.telemetry import logger

PROMPT_REFUSED = "urn:darkroom:problem:prompt-refused"
PICTURE_REFUSED = "urn:darkroom:problem:picture-refused"

# The reasons of jobs.
REFUSED = "Moderation refused the picture."
UNREADABLE = "Moderation could not read the picture."
NOT_LOOKED_AT = "Moderation did not look at the picture in time."


def prompt_refused(by: Literal["words", "guardrail"]) -> Problem:
    """422 for a prompt that the campaign does not draw; ``by`` is for the log alone."""
    logger.warning("prompt refused", by=by)
    return Problem(
        422,
        "This campaign does not draw what the prompt asks for; another prompt may do.",
        type=PROMPT_REFUSED,
        title="Prompt refused",
    )


def picture_refused(job_id: str) -> Problem:
    """422 for a request whose picture was drawn, looked at and deleted."""
    logger.warning("picture was refused", job_id=job_id)
    return Problem(
        422,
        "The picture of this request was drawn, and the campaign does not show it; another prompt may do.",
        type=PICTURE_REFUSED,
        title="Picture refused",
    )
