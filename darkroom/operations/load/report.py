"""Measured beside predicted: the terminal's table, JSON, and one HTML file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape
from rich.table import Table

from darkroom.charts import Series, line_chart
from darkroom.operations.load.client import Asked
from darkroom.operations.load.measured import Measured, waits_of
from darkroom.planner.outcome import Outcome
from darkroom.planner.summary import Summary
from darkroom.planner.tables import seconds_text

Points = list[tuple[float, float]]
Figures = Measured | Summary
_SLICES = 60

ROWS: Sequence[tuple[str, Callable[[Figures], str]]] = (
    ("wait P50", lambda one: seconds_text(one.wait.p50)),
    ("wait P95", lambda one: seconds_text(one.wait.p95)),
    ("wait P99", lambda one: seconds_text(one.wait.p99)),
    ("wait, longest", lambda one: seconds_text(one.wait.maximum)),
    ("drawn for them, P50", lambda one: seconds_text(one.wait_of_misses.p50)),
    ("drawn for them, P95", lambda one: seconds_text(one.wait_of_misses.p95)),
    ("over the goal", lambda one: f"{one.over_goal:.1%}"),
    ("from the cache", lambda one: f"{one.hit_share:.1%}"),
    ("pictures drawn", lambda one: f"{one.drawn:,}"),
)


def terminal_table(title: str, found: Measured, predicted: Summary) -> Table:
    """The planner's percentiles, measured and predicted."""
    table = Table(title=title, title_justify="left")
    table.add_column(f"{found.requests:,} requests")
    table.add_column("measured", justify="right")
    table.add_column(f"predicted ({predicted.policy})", justify="right")
    for name, text in ROWS:
        table.add_row(name, text(found), text(predicted))
    return table


def remarks(found: Measured, pace: float) -> list[str]:
    """What a reader has to know of the figures."""
    lines = [
        f"{found.intended_rate:.2f} requests a second were due, {found.achieved_rate:.2f} answered; the API "
        f"answered in {found.answer.p50 * 1000:.0f} ms (P50), {found.answer.p99 * 1000:.0f} ms (P99).",
    ]
    if found.client_was_late:
        lines.append(
            f"The client was late: P99 {found.lateness.p99:.2f} s. It was a bottleneck itself, and the waits "
            "have its delay in them: load from a larger machine, or less."
        )
    lines += [f"{count:,} requests without a picture: {why}" for why, count in found.errors.items()]
    if pace != 1:
        lines.append(
            f"A local AWS whose clock runs {pace:g} times as fast as the wall's: waits are in its seconds, "
            f"and what takes real work (answers, drawing) takes {pace:g} times as long by it."
        )
    return lines


def write_json(file: Path, head: Mapping[str, Any], found: Measured, predicted: Summary) -> None:
    """Write the figures."""
    content = {**head, "measured": found.as_json(), "predicted": predicted.as_json()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_html(
    file: Path,
    head: Mapping[str, Any],
    found: Measured,
    predicted: Summary,
    curves: Mapping[str, Points],
    notes: Sequence[str],
) -> None:
    """Write the table, the remarks and the wait over time."""
    environment = Environment(
        loader=PackageLoader("darkroom.operations.load", "."), autoescape=select_autoescape(["j2"])
    )
    chart = line_chart(
        "Wait over time, P95 of each slice", "seconds", "seconds", [Series(*one) for one in curves.items()]
    )
    page = environment.get_template("report.html.j2").render(
        head=head,
        rows=[(name, text(found), text(predicted)) for name, text in ROWS],
        policy=predicted.policy,
        chart=chart,
        notes=notes,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page, encoding="utf-8")


def curve_of(asked: Sequence[Asked], pace: float, seconds: float) -> Points:
    """The P95 of the measured waits over the time of asking, both by the campaign's clock."""
    got = [one for one in asked if one.ready is not None and one.error is None]
    return _p95(np.array([one.due * pace for one in got]), waits_of(got, pace), seconds)


def predicted_curve(outcome: Outcome) -> Points:
    """The same of the planner's."""
    return _p95(outcome.traffic.arrivals, outcome.waits, outcome.traffic.seconds)


def _p95(moments: Any, waits: Any, seconds: float) -> Points:
    edges = np.linspace(0, seconds, _SLICES + 1)
    places = np.searchsorted(moments, edges)
    return [
        (float(edges[index]), float(np.percentile(waits[first:last], 95)))
        for index, (first, last) in enumerate(pairwise(places))
        if last > first
    ]
