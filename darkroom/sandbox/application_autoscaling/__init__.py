"""Application Auto Scaling: targets, policies and schedules that really scale SageMaker variants."""

from __future__ import annotations

from moto.applicationautoscaling.models import applicationautoscaling_backends

from darkroom.sandbox.application_autoscaling import resources  # noqa: F401  registers the CloudFormation types
from darkroom.sandbox.application_autoscaling.backend import SandboxScalingBackend
from darkroom.sandbox.context import Context

_SCHEDULE_SECONDS = 60.0
_WATCH_SECONDS = 10.0


def install(context: Context) -> None:
    """Replace moto's Application Auto Scaling by one that acts."""
    applicationautoscaling_backends.backend = SandboxScalingBackend
    applicationautoscaling_backends.clear()
    context.every(_WATCH_SECONDS, _watch)
    context.every(_SCHEDULE_SECONDS, _run_schedules)


def _watch(moment: float) -> None:
    for backend in _backends():
        backend.watch(moment)


def _run_schedules(moment: float) -> None:
    for backend in _backends():
        backend.run_schedules(moment - _SCHEDULE_SECONDS, moment)


def _backends() -> list[SandboxScalingBackend]:
    known = (backend for _, _, backend in list(applicationautoscaling_backends.iter_backends()))
    return [backend for backend in known if isinstance(backend, SandboxScalingBackend)]
