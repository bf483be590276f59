"""CloudWatch: metrics kept by minute, metric math, and alarms that are evaluated and act."""

from __future__ import annotations

from moto.cloudwatch.models import cloudwatch_backends

from darkroom.sandbox.cloudwatch import resources  # noqa: F401  registers the CloudFormation types
from darkroom.sandbox.cloudwatch.alarm_evaluation import EVALUATION_SECONDS, tick
from darkroom.sandbox.cloudwatch.backend import SandboxCloudWatchBackend
from darkroom.sandbox.context import Context

_PRUNE_SECONDS = 3600.0


def install(context: Context) -> None:
    """Replace moto's CloudWatch by one that keeps time, and evaluate alarms as it passes.

    Install it after the rooms that emit metrics: ticks of one moment run in the order of their
    registration, and an alarm must find the metrics of the minute that has just ended.
    """
    cloudwatch_backends.backend = SandboxCloudWatchBackend
    cloudwatch_backends.clear()
    context.every(EVALUATION_SECONDS, tick)
    context.every(_PRUNE_SECONDS, _prune)


def _prune(moment: float) -> None:
    for _, _, backend in cloudwatch_backends.iter_backends():
        if isinstance(backend, SandboxCloudWatchBackend):
            backend.store.prune(moment)
