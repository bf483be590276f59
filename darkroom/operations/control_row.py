"""The row of the job table that says whether the campaign is paused, and what its end has to restore.

The functions read ``paused_at`` and ``resumed_at`` (lambda/image_api/pause.py); the rest is the command's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONTROL_ROW = "campaign"


@dataclass(frozen=True)
class Control:
    """The row. Times are seconds since the epoch.

    Attributes:
        bounds: the scaling as it was before the pause (darkroom/operations/scaling_bounds.py).
    """

    paused_at: float | None = None
    resumed_at: float | None = None
    bounds: Mapping[str, Any] | None = None


class ControlRow:
    """Reads and writes the row; each write is one call, and may come twice."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read(self) -> Control:
        """The row as it is; an empty one where there is none."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"job_id": {"S": CONTROL_ROW}}, ConsistentRead=True
        )
        item = answer.get("Item", {})
        return Control(
            paused_at=_number(item, "paused_at"),
            resumed_at=_number(item, "resumed_at"),
            bounds=json.loads(item["bounds"]["S"]) if "bounds" in item else None,
        )

    def begin_pause(self) -> None:
        """From now on nothing is accepted. A pause that has begun keeps its beginning."""
        self._update("SET paused_at = if_not_exists(paused_at, :now)", {":now": _now()})

    def save_bounds(self, bounds: Mapping[str, Any]) -> None:
        """Keep what the end of the pause restores."""
        self._update("SET bounds = :bounds", {":bounds": {"S": json.dumps(bounds, sort_keys=True)}})

    def end_pause(self) -> None:
        """From now on requests are accepted again."""
        self._update("SET resumed_at = :now REMOVE paused_at, bounds", {":now": _now()})

    def _update(self, update: str, values: Mapping[str, Any]) -> None:
        self._dynamodb.update_item(
            TableName=self._table,
            Key={"job_id": {"S": CONTROL_ROW}},
            UpdateExpression=update,
            ExpressionAttributeValues=values,
        )


def _now() -> dict[str, str]:
    # The functions compare it with their own clocks: a machine's, never the sandbox's.
    return {"N": f"{time.time():.3f}"}


def _number(item: Mapping[str, Any], name: str) -> float | None:
    return float(item[name]["N"]) if name in item else None
