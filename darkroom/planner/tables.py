"""Figures for people: the terminal's table, the documentation's, and how each figure is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table

from darkroom.planner.summary import Summary


def seconds_text(seconds: float) -> str:
    """A wait: ``9.7 s``, ``12 min``, ``3.4 h``."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share == 0 or share >= 0.001 else "<0.1%"


def _per_image(summary: Summary) -> str:
    return "-" if summary.cost_per_image is None else f"${summary.cost_per_image:.6f}"


Row = tuple[str, Callable[[Summary], str]]

ROWS: Sequence[Row] = (
    ("wait P50", lambda one: seconds_text(one.wait.p50)),
    ("wait P95", lambda one: seconds_text(one.wait.p95)),
    ("wait P99", lambda one: seconds_text(one.wait.p99)),
    ("wait, longest", lambda one: seconds_text(one.wait.maximum)),
    ("drawn for them, P50", lambda one: seconds_text(one.wait_of_misses.p50)),
    ("drawn for them, P95", lambda one: seconds_text(one.wait_of_misses.p95)),
    ("over the goal", lambda one: _percent(one.over_goal)),
    ("expired requests", lambda one: f"{one.expired:,}"),
    ("from the cache", lambda one: _percent(one.hit_share)),
    ("pictures drawn", lambda one: f"{one.drawn:,}"),
    ("most instances", lambda one: f"{one.most_instances}"),
    ("instance-hours", lambda one: f"{one.instance_hours:.1f}"),
    ("utilization", lambda one: _percent(one.utilization)),
    ("cost", lambda one: f"${one.cost:,.2f}"),
    ("cost an image", _per_image),
    ("capacity changes", lambda one: f"{one.scalings}"),
)


def terminal_table(title: str, summaries: Sequence[Summary]) -> Table:
    """One column a policy."""
    table = Table(title=title, title_justify="left")
    table.add_column(f"{summaries[0].requests:,} requests")
    for summary in summaries:
        table.add_column(summary.policy, justify="right")
    for name, text in ROWS:
        table.add_row(name, *(text(summary) for summary in summaries))
    return table


DOCUMENTED = (
    "wait P50",
    "wait P95",
    "wait P99",
    "drawn for them, P95",
    "over the goal",
    "expired requests",
    "most instances",
    "instance-hours",
    "cost",
    "cost an image",
)


def markdown_table(summaries: Sequence[Summary]) -> str:
    """One row a policy, with the figures that matter most."""
    chosen = [row for row in ROWS if row[0] in DOCUMENTED]
    lines = [
        f"| policy | {' | '.join(name for name, _ in chosen)} |",
        f"|---|{'---:|' * len(chosen)}",
    ]
    lines += [
        f"| {summary.policy} | {' | '.join(text(summary) for _, text in chosen)} |" for summary in summaries
    ]
    return "\n".join(lines)
