"""What DescribeAlarmHistory tells: configuration updates, state updates and actions."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

HistoryItemType = Literal["ConfigurationUpdate", "StateUpdate", "Action"]
_MOST_ITEMS = 10_000


@dataclass(frozen=True)
class HistoryItem:
    """One entry; ``data`` is JSON."""

    alarm_name: str
    timestamp: datetime
    type: HistoryItemType
    summary: str
    data: str


class AlarmHistory:
    """The newest entries of one account and region. It outlives the alarms, as on AWS."""

    def __init__(self) -> None:
        self._items: deque[HistoryItem] = deque(maxlen=_MOST_ITEMS)

    def configured(self, name: str, what: str, moment: datetime) -> None:
        """Record that the alarm was ``created``, ``updated`` or ``deleted``."""
        data = json.dumps({"version": "1.0", "type": what.capitalize()})
        self._items.append(HistoryItem(name, moment, "ConfigurationUpdate", f'Alarm "{name}" {what}', data))

    def changed(self, name: str, before: str, after: str, reason: str, moment: datetime) -> None:
        """Record a change of state."""
        data = json.dumps(
            {
                "version": "1.0",
                "oldState": {"stateValue": before},
                "newState": {"stateValue": after, "stateReason": reason},
            }
        )
        summary = f"Alarm updated from {before} to {after}"
        self._items.append(HistoryItem(name, moment, "StateUpdate", summary, data))

    def acted(self, name: str, action: str, error: str | None, moment: datetime) -> None:
        """Record that ``action`` was run, and why it failed if it did."""
        result = (
            f"Failed to execute action {action}. Reason: {error}"
            if error
            else (f"Successfully executed action {action}")
        )
        data = json.dumps({"actionState": "Failed" if error else "Succeeded", "notificationResource": action})
        self._items.append(HistoryItem(name, moment, "Action", result, data))

    def items(
        self,
        name: str | None = None,
        kind: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> list[HistoryItem]:
        """The entries that match, newest first."""
        return [
            item
            # A copy, made in one step: alarms change on another thread than they are asked about.
            for item in reversed(list(self._items))
            if (name is None or item.alarm_name == name)
            and (kind is None or item.type == kind)
            and (start is None or item.timestamp >= start)
            and (end is None or item.timestamp <= end)
        ]
