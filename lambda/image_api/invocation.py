"""What every invocation begins with: its id for the log, its span for the trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from image_api import tracing
from image_api.telemetry import describe, logger


@contextmanager
def invocation(name: str, context: Any) -> Iterator[None]:
    """The invocation that Lambda's ``context`` is of, by the function ``name``.

    Its request id is in every line of the log from here on: an environment has one invocation at a time.
    What it raises is told with those ids; the line in which the runtime tells of it has Lambda's alone.
    """
    logger.append_keys(function_request_id=str(getattr(context, "aws_request_id", "")))
    with tracing.function_span(name):
        try:
            yield
        except Exception as error:
            logger.error("invocation failed", **describe(error))
            raise
