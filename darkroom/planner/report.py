"""A plan as JSON and as one HTML file with its curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape

from darkroom.charts import Series, line_chart
from darkroom.planner.outcome import HOUR, Outcome
from darkroom.planner.plan import Planned
from darkroom.planner.tables import ROWS

_MOST_POINTS = 360
"""Points of a curve: as many as a chart of this size can show."""

Points = list[tuple[float, float]]


def write_json(file: Path, head: Mapping[str, Any], planned: Sequence[Planned]) -> None:
    """Write the figures, with every capacity change.

    Args:
        head: what was planned under which assumptions.
    """
    content = {
        **head,
        "policies": [
            {
                **one.summary.as_json(),
                "decisions": [
                    {"seconds": each.moment, "instances": each.capacity, "cause": each.cause}
                    for each in one.outcome.decisions
                ],
            }
            for one in planned
        ],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_html(file: Path, head: Mapping[str, Any], planned: Sequence[Planned]) -> None:
    """Write the table and the curves of every policy."""
    environment = Environment(
        loader=PackageLoader("darkroom.planner", "."), autoescape=select_autoescape(["j2"])
    )
    page = environment.get_template("report.html.j2").render(
        head=head,
        names=[one.summary.policy for one in planned],
        rows=[(name, [text(one.summary) for one in planned]) for name, text in ROWS],
        charts=charts(planned),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page, encoding="utf-8")


def charts(planned: Sequence[Planned]) -> list[str]:
    """System A's two figures, request latency and utilization over time, then instances and backlog."""

    def chart(title: str, y_label: str, points: Sequence[Points], style: str = "line") -> str:
        series = [
            Series(one.summary.policy, curve, style) for one, curve in zip(planned, points, strict=True)
        ]
        return line_chart(title, "hours", y_label, series)

    return [
        chart("Request latency over time, P95", "seconds", [latency_curve(one.outcome) for one in planned]),
        chart("Utilization over time", "share", [minute_curve(one.outcome, "busy") for one in planned]),
        chart(
            "Instances in service",
            "instances",
            [minute_curve(one.outcome, "in_service") for one in planned],
            "steps",
        ),
        chart("Backlog", "requests", [minute_curve(one.outcome, "backlog") for one in planned]),
    ]


def latency_curve(outcome: Outcome, percent: float = 95.0) -> Points:
    """A percentile of the waits of those who asked in each slice of time, by hours; empty slices left out."""
    slices = min(_MOST_POINTS, max(1, int(outcome.traffic.seconds // 60)))
    edges = np.linspace(0, outcome.traffic.seconds, slices + 1)
    places = np.searchsorted(outcome.traffic.arrivals, edges)
    return [
        (float(edges[index]) / HOUR, float(np.percentile(outcome.waits[first:last], percent)))
        for index, (first, last) in enumerate(pairwise(places))
        if last > first
    ]


def minute_curve(outcome: Outcome, name: str) -> Points:
    """An attribute of the minutes over the hours, thinned to the mean of neighbours."""
    minutes = outcome.minutes
    group = -(-len(minutes) // _MOST_POINTS) or 1
    values = np.array([float(getattr(minute, name)) for minute in minutes])
    return [
        (minutes[first].moment / HOUR, float(values[first : first + group].mean()))
        for first in range(0, len(minutes), group)
    ]
