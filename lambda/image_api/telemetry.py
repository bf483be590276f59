"""Logs and metrics, by Powertools.

No prompt, API key or credential goes into either: log what a thing is called (a job id, an error's class
and code), never an event, a request or an exception's text, which may repeat one.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricResolution, MetricUnit

logger = Logger(utc=True, use_rfc3339=True)
# What libraries tell of themselves at INFO, the level of Lambda's log, says nothing of a request.
logging.getLogger().setLevel(logging.WARNING)

BY_THE_SECOND = frozenset({"CacheMisses", "PicturesCompleted", "PicturesRefused", "JobsFailed"})
"""The metrics that the surge alarm reads every ten seconds: an alarm of less than a minute needs metrics of
high resolution (CloudWatch user guide, "High-resolution metrics")."""


class Metrics:
    """The metrics of one invocation: one EMF line, if any, with dimensions service and campaign."""

    def __init__(self, campaign: str) -> None:
        self._emf = EphemeralMetrics()  # not Metrics, whose state all invocations share
        self._emf.set_default_dimensions(campaign=campaign)
        self._lock = threading.Lock()  # reconciliation counts in several threads

    def count(self, name: str) -> None:
        """One more of ``name``: one sample of value 1."""
        resolution = MetricResolution.High if name in BY_THE_SECOND else MetricResolution.Standard
        with self._lock:
            self._emf.add_metric(name, MetricUnit.Count, 1, resolution)

    def seconds(self, name: str, value: float) -> None:
        """``name`` took ``value`` seconds."""
        with self._lock:
            self._emf.add_metric(name, MetricUnit.Seconds, value)

    def flush(self) -> None:
        """Write what was counted."""
        if self._emf.metric_set:
            self._emf.flush_metrics()


@contextmanager
def metrics_of(campaign: str) -> Iterator[Metrics]:
    """The metrics of one invocation, written when it ends, however it ends."""
    metrics = Metrics(campaign)
    try:
        yield metrics
    finally:
        metrics.flush()


def describe(error: BaseException) -> dict[str, Any]:
    """``error`` as log fields: class, AWS error code and frames, without its text."""
    fields: dict[str, Any] = {
        "error": type(error).__qualname__,
        "frames": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ],
    }
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        fields["error_code"] = str(response.get("Error", {}).get("Code", ""))
        fields["operation"] = str(getattr(error, "operation_name", ""))
    return fields
