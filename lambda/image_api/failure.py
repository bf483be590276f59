"""Why an attempt brought no picture, and whether another could."""

from __future__ import annotations

import re
from dataclasses import dataclass

# The serving code's own word for a payload that the model can't draw. The status says nothing: SageMaker's
# Hugging Face toolkit answers 400 to every exception, its PyTorch toolkit 500
# (aws/sagemaker-huggingface-inference-toolkit, handler_service.py; aws/sagemaker-inference-toolkit,
# transformer.py).
_REFUSED = re.compile(r"request refused: ([^\"\\\n]{1,300})")
# SageMaker quotes the container in a notification: Received client error (400) from primary with message
# "...". At the failure location is what the container answered: {"code": 400, "type": ..., "message": ...}.
_STATUS = re.compile(r"error \((\d{3})\)|\"code\": ?(\d{3})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """One attempt's failure.

    Attributes:
        permanent: the model refused the payload: every attempt would end like this.
        reason: for the client who asked. A refusal's reason is the model's and is for that client alone: it
            is not to be logged, since nothing holds a container to not repeating the prompt.
        kind: the same in a few fixed words, for the log.
    """

    permanent: bool
    reason: str
    kind: str


def classify(text: str) -> Failure:
    """Read a failure out of a notification's ``failureReason``, or of what the container answered.

    What is not understood counts as passing: attempts are bounded, so the worst is a few pictures tried in
    vain.
    """
    if refusal := _REFUSED.search(text):
        return Failure(True, f"The model refused the request: {refusal[1]}", "refused")
    if answered := _STATUS.search(text):
        status = answered[1] or answered[2]
        return Failure(False, f"The model answered with an error ({status}).", f"error {status}")
    return Failure(False, "The model did not answer.", "no status")
