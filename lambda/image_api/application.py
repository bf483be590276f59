"""What the functions share: settings, job table, backend, S3. Built once an execution environment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from image_api.aws import Clients, make_clients
from image_api.backend import Backend
from image_api.jobs import Jobs
from image_api.realtime_endpoint import RealtimeEndpoint
from image_api.sagemaker_async import SageMakerAsync
from image_api.sagemaker_realtime import SageMakerRealtime
from image_api.settings import Settings, SettingsError, from_environment


@dataclass(frozen=True)
class Application:
    """Everything a function works with.

    Attributes:
        sqs, endpoint: the drawing function's, where the endpoint is realtime.
        now: seconds since the epoch; every time in the job table comes from here, none from a message.
    """

    settings: Settings
    jobs: Jobs
    backend: Backend
    s3: Any
    sqs: Any = None
    endpoint: RealtimeEndpoint | None = None
    now: Callable[[], float] = time.time

    def expiry(self) -> float:
        """When a job that is terminal from now on counts as absent again."""
        return self.now() + self.settings.cache_seconds


def build(environment: Mapping[str, str]) -> Application:
    """The application that ``environment`` asks for; raises SettingsError where that can't be."""
    settings = from_environment(environment)
    clients = make_clients(realtime=settings.is_realtime)
    return Application(
        settings=settings,
        jobs=Jobs(clients.dynamodb, settings.jobs_table),
        backend=_backend(settings, clients),
        s3=clients.s3,
        sqs=clients.sqs,
        endpoint=RealtimeEndpoint(clients.sagemaker, settings) if settings.is_realtime else None,
    )


def _backend(settings: Settings, clients: Clients) -> Backend:
    match settings.backend:
        case "sagemaker-async":
            return SageMakerAsync(clients.s3, clients.sagemaker, settings)
        case "sagemaker-realtime":
            return SageMakerRealtime(clients.sqs, settings)
        case other:
            raise SettingsError(f"BACKEND is {other!r}; there are sagemaker-async and sagemaker-realtime")
