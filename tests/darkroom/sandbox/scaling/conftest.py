"""A local AWS whose time stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.base_backend import BackendDict
from moto.sagemaker.models import sagemaker_backends

from darkroom.sandbox import application_autoscaling, cloudwatch
from darkroom.sandbox import context as sandbox
from darkroom.sandbox.clock import Clock
from darkroom.sandbox.context import Context, Settings, Tick

REGION = "eu-west-1"
ACCOUNT = "123456789012"
START = 1_900_000_800.0  # 2030-03-17 18:00 in UTC, a whole hour


class StandingClock(Clock):
    """A clock that tells what it was set to."""

    def __init__(self, moment: float) -> None:
        super().__init__()
        self.moment = moment

    def now(self) -> float:
        return self.moment


@dataclass
class SteppedContext(Context):
    """A sandbox whose ticks run when the test advances the time."""

    ticks: list[tuple[float, Tick]] = field(default_factory=list)

    def every(self, seconds: float, tick: Tick) -> None:
        self.ticks.append((seconds, tick))


class World:
    """The AWS of a test: clients, and time to advance."""

    def __init__(self, context: SteppedContext, clock: StandingClock) -> None:
        self._context = context
        self._clock = clock

    # Clients are slow to make, and few tests need them all.
    @cached_property
    def cloudwatch(self) -> Any:
        return boto3.client("cloudwatch", REGION)

    @cached_property
    def scaling(self) -> Any:
        return boto3.client("application-autoscaling", REGION)

    @cached_property
    def sagemaker(self) -> Any:
        return boto3.client("sagemaker", REGION)

    @cached_property
    def sns(self) -> Any:
        return boto3.client("sns", REGION)

    @cached_property
    def sqs(self) -> Any:
        return boto3.client("sqs", REGION)

    @property
    def now(self) -> float:
        return self._clock.moment

    def at(self, seconds: float) -> datetime:
        """The moment ``seconds`` after the test's start."""
        return datetime.fromtimestamp(START + seconds, UTC)

    def advance(self, seconds: float, each_minute: Mapping[str, float] | None = None) -> None:
        """Pass time; put ``each_minute`` (test metrics by name) at the end of every minute of it."""
        end = self._clock.moment + seconds
        moment = self._clock.moment
        while moment < end:
            moment += 10
            self._clock.moment = moment
            if each_minute and moment % 60 == 0:
                for name, value in each_minute.items():
                    self.put(name, value, moment - 60)
            for period, tick in self._context.ticks:
                if moment % period == 0:
                    tick(moment)

    def put(self, name: str, value: float, moment: float | None = None, **more: Any) -> None:
        """One datapoint of the metric ``Test/name``."""
        timestamp = {} if moment is None else {"Timestamp": datetime.fromtimestamp(moment, UTC)}
        datum = {"MetricName": name, "Value": value, **timestamp, **more}
        self.cloudwatch.put_metric_data(Namespace="Test", MetricData=[datum])

    def alarm(self, name: str) -> Any:
        return self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]

    def make_endpoint(self, instances: int = 1) -> None:
        """The endpoint ``demo``; moto's own, which reaches a capacity at once."""
        sagemaker: Any = sagemaker_backends[ACCOUNT][REGION]
        sagemaker.create_endpoint_config("config", [], {}, {}, "", [])
        endpoint = sagemaker.create_endpoint("demo", "config", [])
        endpoint.production_variants = [
            {
                "VariantName": "AllTraffic",
                "DesiredInstanceCount": instances,
                "CurrentInstanceCount": instances,
            }
        ]

    @property
    def variant(self) -> Any:
        """The variant's own record, where a test can play SageMaker."""
        sagemaker: Any = sagemaker_backends[ACCOUNT][REGION]
        return sagemaker.endpoints["demo"].production_variants[0]

    @property
    def instances(self) -> int:
        return int(self.variant["DesiredInstanceCount"])

    def activities(self) -> list[Any]:
        found: list[Any] = self.scaling.describe_scaling_activities(ServiceNamespace="sagemaker")[
            "ScalingActivities"
        ]
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    clock = StandingClock(START)
    context = SteppedContext(Settings(port=0, state=tmp_path), clock=clock)
    monkeypatch.setattr(sandbox, "_current", context)
    # Kept, so that moto's own models are back after the test.
    monkeypatch.setattr(cloudwatch_backends, "backend", cloudwatch_backends.backend)
    monkeypatch.setattr(applicationautoscaling_backends, "backend", applicationautoscaling_backends.backend)
    cloudwatch.install(context)
    application_autoscaling.install(context)
    with mock_aws():
        yield World(context, clock)
    BackendDict.reset()
    cloudwatch_backends.clear()
    applicationautoscaling_backends.clear()
