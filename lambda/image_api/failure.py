"""Why an attempt brought no picture, and whether another could."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

# SageMaker quotes the container: Received client error (400) from primary with message "...".
_CONTAINER_ERROR = re.compile(
    r"(?:client|server) error \((?P<status>\d{3})\)(?: from \S+ with message \"(?P<message>.*?)\")?",
    re.IGNORECASE | re.DOTALL,
)
# A client error by number, but one that passes: time-out, too early, too many requests.
_PASSING = frozenset({408, 425, 429})
_MESSAGE_SHOWN = 300


@dataclass(frozen=True)
class Failure:
    """One attempt's failure.

    Attributes:
        permanent: the model refused the payload: every attempt would end like this.
        reason: for the client who asked. A refusal's message is the model's and is for that client alone:
            it is not to be logged, since nothing holds a container to not repeating the prompt.
        kind: the same in a few fixed words, for the log.
    """

    permanent: bool
    reason: str
    kind: str


def classify(text: str) -> Failure:
    """Read a failure out of a notification's ``failureReason``.

    What is not understood counts as passing: attempts are bounded, so the worst is a few pictures tried in
    vain.
    """
    match = _CONTAINER_ERROR.search(text)
    if match is None:
        return Failure(False, "The model did not answer.", "no status")
    return _answered(int(match["status"]), match["message"] or "")


def classify_answer(body: bytes) -> Failure:
    """Read a failure out of what the container answered, as SageMaker keeps it at the failure location.

    SageMaker's model servers answer ``{"code": 400, "type": ..., "message": ...}``. Of anything else nothing
    is known but that it failed, unless it reads like a notification's reason.
    """
    text = body.decode("utf-8", "replace")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return classify(text)
    if not isinstance(answer, dict) or type(answer.get("code")) is not int:
        return classify(text)
    return _answered(answer["code"], str(answer.get("message", "")))


def _answered(status: int, message: str) -> Failure:
    if 400 <= status < 500 and status not in _PASSING:
        shown = message.strip()[:_MESSAGE_SHOWN]
        reason = f"The model refused the request ({status})" + (f": {shown}" if shown else ".")
        return Failure(True, reason, f"refused with {status}")
    return Failure(False, f"The model answered with an error ({status}).", f"error {status}")
