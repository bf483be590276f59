"""Nobody can say whether it may be drawn, or shown."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError


class ModerationUnavailableError(BotoCoreError):  # type: ignore[misc]
    """A service that moderates did not answer, or not as it should: an AWS error like any other.

    What it was asked about is neither drawn nor shown. ``str()`` holds no prompt.
    """

    fmt = "{service} did not say whether it may be: {cause}"


def unavailable(service: str, error: ClientError | BotoCoreError) -> ModerationUnavailableError:
    """``error`` of ``service``, without the text, which may hold parameters."""
    cause = type(error).__name__
    if isinstance(error, ClientError):
        cause = str(error.response.get("Error", {}).get("Code", cause))
    return ModerationUnavailableError(service=service, cause=cause)
