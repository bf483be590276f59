"""How an endpoint goes over to another configuration, and back: DeploymentConfig.

Sources: SageMaker API reference, DeploymentConfig, BlueGreenUpdatePolicy, RollingUpdatePolicy; developer
guide, "Deployment guardrails". Canary and linear traffic shifting are not played.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.sandbox.sagemaker.configuration import UnplayedError
from darkroom.sandbox.sagemaker.fleet import Fleet
from darkroom.sandbox.sagemaker.guardrails import Guardrails

# "Value must be between 5% to 50% of the variant's total instance count."
_SMALLEST_BATCH, _LARGEST_BATCH = 0.05, 0.5

Bake = Callable[[float], str | None]
"""Waits so many sandbox seconds; gives the reason to go back when there is one, at once."""


@dataclass(frozen=True)
class AllAtOnce:
    """Blue/green, all at once, the default: the whole new fleet is up before the old one drains.

    Attributes:
        wait_seconds, termination_seconds: WaitIntervalInSeconds, TerminationWaitInSeconds: how long the old
            fleet stands by, without traffic, while the new one is watched.
    """

    wait_seconds: float = 0
    termination_seconds: float = 0

    def roll_over(self, old: Fleet, new: Fleet, count: int, bake: Bake) -> str | None:
        """Bring ``count`` instances of ``new`` up, drain ``old``; the reason if that failed."""
        new.set_desired(count)
        failure = new.wait_until_settled() or bake(0)
        if failure is None and count and self.wait_seconds + self.termination_seconds:
            old.take_traffic(False)
            failure = bake(self.wait_seconds + self.termination_seconds)
        if failure is None:
            old.drain()
        return failure

    def roll_back(self, old: Fleet, new: Fleet, before: int) -> str | None:
        """The old fleet, which stands by, takes the traffic again at once."""
        old.take_traffic(True)
        new.end()
        return _restored(old, before)


@dataclass(frozen=True)
class Rolling:
    """Batch by batch: a batch of the new fleet comes up, then as many of the old one drain.

    Attributes:
        batch: instances a step, or the share of the variant's instances when ``relative``.
        wait_seconds: sandbox seconds that each batch is watched before the next.
    """

    batch: float
    relative: bool
    wait_seconds: float

    def roll_over(self, old: Fleet, new: Fleet, count: int, bake: Bake) -> str | None:
        """Bring ``count`` instances of ``new`` up, drain ``old``; the reason if that failed."""
        step = self.batch_size(count)
        failure = bake(0)  # of a fleet of none, too, the alarms are looked at
        while failure is None and new.desired < count:
            new.set_desired(min(count, new.desired + step))
            failure = new.wait_until_settled() or bake(0)
            if failure is None:
                old.set_desired(max(0, old.desired - step))
                failure = bake(self.wait_seconds)
        if failure is None:
            old.drain()
        return failure

    def roll_back(self, old: Fleet, new: Fleet, before: int) -> str | None:
        """The whole old fleet comes up (RollbackMaximumBatchSize's default), then the new one goes."""
        failure = _restored(old, before)
        new.end()
        return failure

    def batch_size(self, count: int) -> int:
        """Instances a step for a variant of ``count``: at least one, which is all of a fleet of one."""
        share = self.batch if self.relative else self.batch / max(1, count)
        within = min(max(share, _SMALLEST_BATCH), _LARGEST_BATCH)
        return max(1, math.floor(within * count))


@dataclass(frozen=True)
class Deployment:
    """A way of updating, and what it is watched by."""

    strategy: AllAtOnce | Rolling = AllAtOnce()
    guardrails: Guardrails = field(default_factory=Guardrails)


def _restored(old: Fleet, before: int) -> str | None:
    old.set_desired(before)
    return old.wait_until_settled()


def deployment_from(config: Mapping[str, Any]) -> Deployment:
    """The way of updating that a DeploymentConfig asks for.

    Raises:
        UnplayedError: it is one that the sandbox does not play.
    """
    rolling, blue_green = config.get("RollingUpdatePolicy"), config.get("BlueGreenUpdatePolicy") or {}
    alarms = (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or []
    longest = (rolling or blue_green).get("MaximumExecutionTimeoutInSeconds", math.inf)
    return Deployment(
        _all_at_once(blue_green) if rolling is None else _rolling(rolling),
        Guardrails(tuple(alarm["AlarmName"] for alarm in alarms), longest),
    )


def _all_at_once(policy: Mapping[str, Any]) -> AllAtOnce:
    routing = policy.get("TrafficRoutingConfiguration") or {}
    if routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE":
        raise UnplayedError(f"blue/green updates with {routing['Type']} traffic routing")
    return AllAtOnce(routing.get("WaitIntervalInSeconds", 0), policy.get("TerminationWaitInSeconds", 0))


def _rolling(policy: Mapping[str, Any]) -> Rolling:
    size = policy["MaximumBatchSize"]
    relative = size["Type"] == "CAPACITY_PERCENT"
    back = policy.get("RollbackMaximumBatchSize")
    if back is not None and back != {"Type": "CAPACITY_PERCENT", "Value": 100}:
        raise UnplayedError("a rolling update's way back in batches (RollbackMaximumBatchSize)")
    return Rolling(
        batch=size["Value"] / 100 if relative else size["Value"],
        relative=relative,
        wait_seconds=policy["WaitIntervalInSeconds"],
    )
