"""What the functions share: settings, job table, backend, S3. Built once an execution environment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from image_api.aws import Clients, make_clients
from image_api.backend import Backend
from image_api.jobs import Jobs
from image_api.moderation.pictures import PictureModeration
from image_api.moderation.prompts import PromptModeration
from image_api.moderation.rules import ModerationRules, read_rules
from image_api.realtime_endpoint import RealtimeEndpoint
from image_api.sagemaker_async import SageMakerAsync
from image_api.sagemaker_realtime import SageMakerRealtime
from image_api.settings import Settings, SettingsError, from_environment

Moderates = Literal["prompts", "pictures"]


@dataclass(frozen=True)
class Application:
    """Everything a function works with.

    Attributes:
        sqs, endpoint: the drawing function's, where the endpoint is realtime.
        prompts, pictures: what moderates, where the campaign does and it is this function's to do.
        moderated_by: names the rules by which what is cached was looked at; empty where there are none.
        now: seconds since the epoch; every time in the job table comes from here, none from a message.
    """

    settings: Settings
    jobs: Jobs
    backend: Backend
    s3: Any
    sqs: Any = None
    endpoint: RealtimeEndpoint | None = None
    prompts: PromptModeration | None = None
    pictures: PictureModeration | None = None
    moderated_by: str = ""
    now: Callable[[], float] = time.time

    @property
    def drawn_by(self) -> str:
        """What draws, and by which rules it is shown: part of every job's id."""
        model = self.settings.model_id
        return f"{model}+{self.moderated_by}" if self.moderated_by else model

    def expiry(self) -> float:
        """When a job that is terminal from now on counts as absent again."""
        return self.now() + self.settings.cache_seconds


def build(environment: Mapping[str, str], *, moderates: Moderates) -> Application:
    """The application that ``environment`` asks for; raises SettingsError where that can't be."""
    settings = from_environment(environment)
    rules = read_rules(settings.moderation_rules)
    clients = make_clients(
        realtime=settings.is_realtime,
        guardrail=moderates == "prompts" and rules.guardrail is not None,
        pictures=moderates == "pictures" and rules.pictures is not None,
    )
    return with_moderation(_application(settings, clients), rules, clients, moderates)


def with_moderation(
    app: Application, rules: ModerationRules, clients: Clients, moderates: Moderates
) -> Application:
    """``app`` with what moderates by ``rules``."""
    maximum = app.settings.request_rules.prompt_maximum
    pictures = None
    if moderates == "pictures" and rules.pictures is not None:
        pictures = PictureModeration(rules.pictures, clients.rekognition)
    return replace(
        app,
        prompts=PromptModeration(rules, clients.bedrock, maximum) if moderates == "prompts" else None,
        pictures=pictures,
        moderated_by=rules.digest,
    )


def _application(settings: Settings, clients: Clients) -> Application:
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
