"""SageMaker's asynchronous endpoints, run on this machine by moto's SageMaker.

``install`` puts the sandbox's backend and operations in the place of moto's, through the two things
that moto looks up: the class of a service's backends and the service's URL table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.sagemaker import urls
from moto.sagemaker.models import sagemaker_backends
from moto.sagemakerruntime import urls as runtime_urls

from darkroom.sandbox.context import Context
from darkroom.sandbox.sagemaker import cloudformation as cloudformation  # registers its types
from darkroom.sandbox.sagemaker.admin import respond
from darkroom.sandbox.sagemaker.backend import SageMakerBackend
from darkroom.sandbox.sagemaker.endpoint import Endpoint
from darkroom.sandbox.sagemaker.responses import SageMakerApi, SageMakerRuntimeApi

_METRIC_SECONDS = 60.0
_EXPIRY_SECONDS = 10.0


def install(context: Context) -> None:
    """Play SageMaker in ``context``; call before the first request."""
    sagemaker_backends.clear()
    sagemaker_backends.backend = SageMakerBackend
    urls.url_paths.update(dict.fromkeys(urls.url_paths, SageMakerApi.dispatch))
    runtime_urls.url_paths.update(dict.fromkeys(runtime_urls.url_paths, SageMakerRuntimeApi.dispatch))
    context.every(_EXPIRY_SECONDS, _expire)
    context.every(_METRIC_SECONDS, _publish_metrics)
    context.mount("/_darkroom/endpoints", _admin)
    context.on_stop.append(_stop)


def _backends() -> list[SageMakerBackend]:
    return [one for _, _, one in sagemaker_backends.iter_backends() if isinstance(one, SageMakerBackend)]


def endpoints() -> list[Endpoint]:
    """Every endpoint, in every account and region."""
    return [endpoint for backend in _backends() for endpoint in backend.running]


def _expire(_moment: float) -> None:
    for endpoint in endpoints():
        endpoint.expire()


def _publish_metrics(moment: float) -> None:
    # A datapoint is stamped with the beginning of its minute; the tick is at the end.
    for endpoint in endpoints():
        endpoint.publish_metrics(moment - _METRIC_SECONDS)


def _admin(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    return respond(endpoints(), environ, start_response)


def _stop() -> None:
    for endpoint in endpoints():
        endpoint.delete()
    for backend in _backends():
        backend.training.stop_all()
