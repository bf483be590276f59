"""What a run of the demo prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from darkroom.demo.checks import Check, Run
from darkroom.demo.metrics import total

_CACHE_STYLES = {"hit": "green", "coalesced": "cyan", "miss": "yellow"}


def show(console: Console, run: Run, checks: Sequence[Check], *, report: Path, seconds: float) -> None:
    """Print what became of every request, what was seen on the way, and which claims held."""
    console.print(_requests(run))
    console.print("Instances in service:", " -> ".join(str(count) for _, count in run.instances))
    completed = sum(note["invocationStatus"] == "Completed" for note in run.notifications)
    console.print(f"Notifications: {completed} completed, {len(run.notifications) - completed} failed")
    console.print(_metrics(run))
    console.print(_claims(checks))
    if run.left:
        console.print("Left after cdk destroy:", *run.left, sep="\n  ", style="red", markup=False)
    else:
        console.print("Left after cdk destroy: nothing")
    console.print(f"Pictures and report: {report}  ({seconds:.0f} s in all)")


def _requests(run: Run) -> Table:
    table = Table(title="Requests", title_justify="left")
    for column in ("round", "prompt", "id", "answer", "status"):
        table.add_column(column, no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    for outcome in run.outcomes:
        table.add_row(
            outcome.round,
            escape(_shortened(outcome.prompt)),
            outcome.job_id[:8],
            f"[{_CACHE_STYLES[outcome.cache]}]{outcome.cache}[/]",
            outcome.status,
            f"{outcome.seconds:.2f}",
        )
    return table


def _metrics(run: Run) -> Table:
    readings = run.readings
    utilization = [value for _, value in readings.utilization]
    latencies = [value for _, value in readings.latency_seconds]
    table = Table(title="Read back from CloudWatch", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    rows = [
        ("CacheHits, sum", f"{total(readings.cache_hits):g}"),
        ("CacheMisses, sum", f"{total(readings.cache_misses):g}"),
        ("NumberOfInferenceRequests, samples", f"{total(readings.requests):g}"),
        ("RequestLatency, largest minute's average", f"{max(latencies, default=0):.1f} s"),
        ("ApproximateBacklogSize, maximum", f"{max((v for _, v in readings.backlog), default=0):g}"),
        ("utilization, maximum", f"{max(utilization, default=0):.2f}"),
        ("utilization, last", f"{utilization[-1] if utilization else 0:.2f}"),
    ]
    for name, value in rows:
        table.add_row(name, value)
    return table


def _claims(checks: Sequence[Check]) -> Table:
    table = Table(title="What held", title_justify="left")
    for column in ("", "claim", "seen"):
        table.add_column(column)
    for one in checks:
        mark = "[green]held[/]" if one.held else "[bold red]BROKEN[/]"
        table.add_row(mark, escape(one.claim), escape(one.seen))
    return table


def _shortened(text: str, length: int = 26) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
