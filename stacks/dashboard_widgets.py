"""Widgets of a dashboard, as CloudWatch takes them: plain data.

Source: Amazon CloudWatch API, "Dashboard body structure and syntax".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = list[Any]
Widget = dict[str, Any]

COLUMNS = 24
"""The width of a dashboard, in CloudWatch's units."""


def shown(statistic: str, label: str, **more: Any) -> dict[str, Any]:
    """How a metric is shown: the last entry of its row."""
    return {"stat": statistic, "label": label, **more}


def graph(title: str, metrics: Sequence[Row], *, annotation: tuple[str, float] | None = None) -> Widget:
    """Metrics over time, with a line to compare them with."""
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "period": 60,
        "metrics": list(metrics),
    }
    if annotation is not None:
        label, value = annotation
        properties["annotations"] = {"horizontal": [{"label": label, "value": value}]}
    return {"type": "metric", "properties": properties}


def single_values(title: str, metrics: Sequence[Row], *, minutes: int) -> Widget:
    """The newest values, over so many minutes each, as figures."""
    properties = {
        "title": title,
        "view": "singleValue",
        "period": 60 * minutes,
        "metrics": list(metrics),
        "setPeriodToTimeRange": False,
        "sparkline": True,
    }
    return {"type": "metric", "properties": properties}


def alarm_status(title: str, alarms: Sequence[str]) -> Widget:
    """A light an alarm; ``alarms`` are ARNs."""
    return {"type": "alarm", "properties": {"title": title, "alarms": list(alarms)}}


def text(markdown: str) -> Widget:
    """Words."""
    return {"type": "text", "properties": {"markdown": markdown}}


def placed(widget: Widget, *, x: int, y: int, width: int, height: int, region: str) -> Widget:
    """``widget`` at its place; what shows metrics is told their region."""
    properties = widget["properties"]
    if widget["type"] == "metric":
        properties = {**properties, "region": region}
    return {
        "type": widget["type"],
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "properties": properties,
    }
