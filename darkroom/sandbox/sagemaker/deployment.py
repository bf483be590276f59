"""How an endpoint goes over to another configuration: DeploymentConfig.

Sources: SageMaker API reference, DeploymentConfig, RollingUpdatePolicy; developer guide, "Deployment
guardrails". Canary and linear traffic shifting and alarms for automatic rollback are not played.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.sandbox.sagemaker.configuration import UnplayedError
from darkroom.sandbox.sagemaker.fleet import Fleet

# "Value must be between 5% to 50% of the variant's total instance count."
_SMALLEST_BATCH, _LARGEST_BATCH = 0.05, 0.5


@dataclass(frozen=True)
class AllAtOnce:
    """Blue/green, all at once, the default: the whole new fleet is up before the old one drains."""

    def roll_over(self, old: Fleet, new: Fleet, count: int, _wait: Callable[[float], object]) -> str | None:
        """Bring ``count`` instances of ``new`` up, drain ``old``; the reason if that failed."""
        new.set_desired(count)
        failure = new.wait_until_settled()
        if failure is None:
            old.drain()
        return failure


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

    def roll_over(self, old: Fleet, new: Fleet, count: int, wait: Callable[[float], object]) -> str | None:
        """Bring ``count`` instances of ``new`` up, drain ``old``; the reason if that failed.

        A batch that fails ends the new fleet and brings the old one back to its size.
        """
        before = old.desired
        step = self.batch_size(count)
        while new.desired < count:
            new.set_desired(min(count, new.desired + step))
            failure = new.wait_until_settled()
            if failure is not None:
                new.kill()
                old.set_desired(before)
                old.wait_until_settled()
                return failure
            old.set_desired(max(0, old.desired - step))
            wait(self.wait_seconds)
        old.drain()
        return None

    def batch_size(self, count: int) -> int:
        """Instances a step for a variant of ``count``: at least one, which is all of a fleet of one."""
        share = self.batch if self.relative else self.batch / max(1, count)
        within = min(max(share, _SMALLEST_BATCH), _LARGEST_BATCH)
        return max(1, math.floor(within * count))


Deployment = AllAtOnce | Rolling


def deployment_from(config: Mapping[str, Any]) -> Deployment:
    """The way of updating that a DeploymentConfig asks for.

    Raises:
        UnplayedError: it is one that the sandbox does not play.
    """
    if "AutoRollbackConfiguration" in config:
        raise UnplayedError("a DeploymentConfig with AutoRollbackConfiguration")
    rolling = config.get("RollingUpdatePolicy")
    if rolling is None:
        blue_green = config.get("BlueGreenUpdatePolicy") or {}
        routing = (blue_green.get("TrafficRoutingConfiguration") or {}).get("Type", "ALL_AT_ONCE")
        if routing != "ALL_AT_ONCE":
            raise UnplayedError(f"blue/green updates with {routing} traffic routing")
        return AllAtOnce()
    size = rolling["MaximumBatchSize"]
    relative = size["Type"] == "CAPACITY_PERCENT"
    return Rolling(
        batch=size["Value"] / 100 if relative else size["Value"],
        relative=relative,
        wait_seconds=rolling["WaitIntervalInSeconds"],
    )
