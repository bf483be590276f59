"""The local AWS and the planner take the same decisions at the same moments, over the same template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from moto.sagemaker.models import SageMakerModelBackend

from darkroom.autoscaling.policies import CapacityLimits
from darkroom.autoscaling.template import ScalableTargetResource
from darkroom.planner.distributions import ServiceTime, StartUp
from darkroom.planner.metric_feed import MetricDelays
from darkroom.planner.simulation import simulate
from tests.darkroom.planner.sandbox_twin import PlainEndpoint, deploy, scale_in_sandbox
from tests.darkroom.planner.scenarios_for_tests import endpoint_of, traffic_of
from tests.darkroom.sandbox.scaling.conftest import world  # noqa: F401  a fixture

WORKERS, SERVICE, START_UP = 12, 7.23, 200.0
SECONDS = 3 * 3600


def busy_hour() -> list[float]:
    """Three requests a second for half an hour, five minutes into a quiet three hours."""
    times = np.sort(np.random.default_rng(8).uniform(300, 2100, 5400))
    return [float(moment) for moment in times]


def decisions_of_the_sandbox(
    world: Any,  # noqa: F811
    target: ScalableTargetResource,
    monkeypatch: pytest.MonkeyPatch,
) -> list[tuple[float, int]]:
    def ask(_backend: Any, _endpoint: str, wanted: list[dict[str, Any]]) -> None:
        world.variant["DesiredInstanceCount"] = wanted[0]["DesiredInstanceCount"]

    monkeypatch.setattr(SageMakerModelBackend, "update_endpoint_weights_and_capacities", ask)
    dimensions = {
        (query.stat.namespace, query.stat.name): query.stat.dimensions
        for resource in target.policies
        for queries in [
            getattr(resource.policy, "queries", ()),
            *(alarm.queries for alarm in resource.alarms),
        ]
        for query in queries
        if query.stat is not None
    }

    def put(namespace: str, name: str, values: list[float], moment: float) -> None:
        if values and (namespace, name) in dimensions:
            world.cloudwatch.put_metric_data(
                Namespace=namespace,
                MetricData=[
                    {
                        "MetricName": name,
                        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions[namespace, name]],
                        "Timestamp": datetime.fromtimestamp(moment, UTC),
                        "Values": [values[0]],
                        "Counts": [float(len(values))],
                        "StorageResolution": 1,
                    }
                ],
            )

    world.make_endpoint(instances=0)
    deploy(world, target)
    endpoint = PlainEndpoint(busy_hour(), workers=WORKERS, service=SERVICE, start_up=START_UP)
    return scale_in_sandbox(world, target, endpoint, SECONDS, put)


@pytest.mark.parametrize("metric", ["published", "backlog-aware"])
def test_a_busy_hour_scales_alike_in_the_sandbox_and_in_the_planner(
    metric: str,
    targets: Mapping[str, ScalableTargetResource],
    world: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = replace(targets[metric], limits=CapacityLimits(0, 8))
    endpoint = endpoint_of(
        target,
        workers=WORKERS,
        service=ServiceTime(SERVICE, 0.0),
        start_up=StartUp(START_UP, START_UP, START_UP),
        delays=MetricDelays(0.0, 0.0, 0.0),
    )
    planned = simulate(endpoint, traffic_of(busy_hour(), SECONDS))
    in_planner = [(one.moment, one.capacity) for one in planned.decisions if one.moment <= SECONDS]
    in_sandbox = decisions_of_the_sandbox(world, target, monkeypatch)
    assert in_planner == in_sandbox
    assert len(in_planner) >= 4, "a scenario in which something is decided"
    assert in_planner[-1][1] == 0
