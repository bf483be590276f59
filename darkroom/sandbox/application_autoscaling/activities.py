"""Scaling activities, as DescribeScalingActivities tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from moto.moto_api._internal import mock_random

from darkroom.autoscaling.template import VARIANT_DIMENSION

StatusCode = Literal["InProgress", "Successful", "Overridden", "Failed"]
_MOST_KEPT = 1000


@dataclass
class ScalingActivity:
    """One attempt to change a target, in AWS's words.

    Attributes:
        capacity: the instance count that it set; None for a change of the limits alone.
        start, end: seconds; no end while it is under way.
    """

    resource_id: str
    description: str
    cause: str
    start: float
    status: StatusCode
    message: str
    capacity: int | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        self.id = str(mock_random.uuid4())

    def finish(self, status: StatusCode, message: str, moment: float) -> None:
        """End the activity."""
        self.status, self.message, self.end = status, message, moment

    def response(self) -> dict[str, Any]:
        """The shape of the API."""
        return {
            "ActivityId": self.id,
            "ServiceNamespace": "sagemaker",
            "ResourceId": self.resource_id,
            "ScalableDimension": VARIANT_DIMENSION,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": self.start,
            **({} if self.end is None else {"EndTime": self.end}),
            "StatusCode": self.status,
            "StatusMessage": self.message,
        }


class ScalingActivities:
    """The activities of one account and region, newest first. They outlive their targets."""

    def __init__(self) -> None:
        self._activities: list[ScalingActivity] = []

    def __iter__(self) -> Iterator[ScalingActivity]:
        return iter(list(self._activities))

    def limits_changed(self, resource_id: str, action: str, minimum: int, maximum: int, now: float) -> None:
        """Record that a scheduled action has set the limits."""
        to = f"min capacity to {minimum} and max capacity to {maximum}"
        self._add(
            ScalingActivity(
                resource_id,
                description=f"Setting {to}",
                cause=f"scheduled action name {action} was triggered",
                start=now,
                status="Successful",
                message=f"Successfully set {to}",
                end=now,
            )
        )

    def limits_refused(self, resource_id: str, action: str, error: str, now: float) -> None:
        """Record that a scheduled action's limits contradict those in force."""
        self._add(
            ScalingActivity(
                resource_id,
                description="Setting min capacity and max capacity",
                cause=f"scheduled action name {action} was triggered",
                start=now,
                status="Failed",
                message=f"Failed to set min capacity and max capacity. Reason: {error}",
                end=now,
            )
        )

    def capacity_requested(self, resource_id: str, capacity: int, cause: str, now: float) -> None:
        """Record that SageMaker has accepted a capacity; an older one under way is overridden."""
        for older in self.under_way():
            if older.resource_id == resource_id:
                older.finish(
                    "Overridden", f"Overridden by a newer desired instance count of {capacity}.", now
                )
        self._add(
            ScalingActivity(
                resource_id,
                description=f"Setting desired instance count to {capacity}.",
                cause=cause,
                start=now,
                status="InProgress",
                message=(
                    f"Successfully set desired instance count to {capacity}. "
                    "Waiting for change to be fulfilled by sagemaker."
                ),
                capacity=capacity,
            )
        )

    def capacity_refused(self, resource_id: str, capacity: int, cause: str, error: str, now: float) -> None:
        """Record that SageMaker refused a capacity."""
        self._add(
            ScalingActivity(
                resource_id,
                description=f"Setting desired instance count to {capacity}.",
                cause=cause,
                start=now,
                status="Failed",
                message=f"Failed to set desired instance count to {capacity}. Reason: {error}",
                capacity=capacity,
                end=now,
            )
        )

    def under_way(self) -> list[ScalingActivity]:
        """The activities whose capacity is not reached yet."""
        return [activity for activity in self._activities if activity.status == "InProgress"]

    def _add(self, activity: ScalingActivity) -> None:
        self._activities.insert(0, activity)
        del self._activities[_MOST_KEPT:]
