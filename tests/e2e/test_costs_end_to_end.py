"""The estimate of a deployed campaign's costs, held to what the sandbox itself knows of its endpoint."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from rich.console import Console

from darkroom.operations.costs.prices import read_service_prices
from darkroom.operations.costs.report import Costs, costs_of
from darkroom.operations.costs.view import show
from darkroom.operations.deployed_campaign import find_campaign
from darkroom.planner.prices import read_prices
from tests.e2e.deployment import Deployment
from tests.eventually import eventually

pytestmark = pytest.mark.e2e

MINUTE = 60.0
MEASURED = {"instance_hour", "api_request", "function_request", "function_gb_second", "key_month"}


def test_instance_hours_of_the_metrics_are_those_of_the_endpoints_history(
    demo: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in demo.sandbox.env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    asked = demo.api.ask({"prompt": "what does this cost", "steps": 2})
    demo.api.wait(asked.body["id"], deadline_seconds=90)
    campaign = find_campaign("demo", boto3.Session())

    def settled() -> Costs | None:
        costs = costs_of(campaign, read_prices(), read_service_prices())
        return costs if costs.total.pictures and _measured(costs) >= MEASURED else None

    costs = eventually(settled, "a minute's metrics", seconds=40, every=2)
    history: list[Any] = demo.endpoint()["history"]
    hours = _instance_seconds(history, demo.sandbox.clock()["now"]) / 3600
    # A metric has whole minutes: each change of the count may be off by one, and the newest is not there yet.
    tolerance = (len(history) + 3) * MINUTE / 3600
    assert costs.instance_hours == pytest.approx(hours, abs=tolerance)
    assert costs.instance_type == "ml.inf2.xlarge"
    line = next(one for one in costs.lines if one.name == "instance_hour")
    assert line.so_far == pytest.approx(costs.instance_hours * read_prices().of("ml.inf2.xlarge"))
    assert costs.total.per_picture

    show(costs, Console(width=120))
    printed = capsys.readouterr().out
    assert "No bill: Cost Explorer has nothing for the tag" in printed.replace("\n", " ")


def _measured(costs: Costs) -> set[str]:
    return {one.name for one in costs.lines if one.quantity}


def _instance_seconds(history: list[tuple[float, int]], now: float) -> float:
    ends = [moment for moment, _ in history[1:]] + [now]
    return sum((end - moment) * count for (moment, count), end in zip(history, ends, strict=True))
