"""A campaign's status, to be read in ten seconds, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from darkroom.operations.open_jobs import MOST_INDEXED
from darkroom.operations.status import Status

NOTHING = "-"


def as_json(status: Status) -> str:
    """Everything, times in RFC 3339."""
    document = {
        **asdict(status),
        "healthy": status.is_healthy,
        "requests": {**asdict(status.requests), "hit_rate": status.requests.hit_rate},
    }
    return json.dumps(document, default=_plain, indent=2)


def view(status: Status) -> RenderableType:
    """The same for a terminal."""
    parts: list[RenderableType] = [_headline(status), _figures(status)]
    if status.alarms:
        parts.append(_alarms(status))
    return Group(*parts)


def _headline(status: Status) -> Text:
    line = Text()
    line.append(f"{status.campaign} ", style="bold")
    line.append(f"in {status.region}, {status.moment:%Y-%m-%d %H:%M:%S} UTC: ")
    if status.paused_at is not None:
        since = _ago(status.moment, status.paused_at)
        line.append(f"paused {since}; `darkroom resume {status.campaign}` goes on", style="bold yellow")
    elif status.is_healthy:
        line.append("healthy", style="bold green")
    else:
        line.append("needs a person", style="bold red")
    return line


def _figures(status: Status) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    requests = status.requests
    for name, value in (
        ("endpoint", _endpoint(status)),
        ("waiting", _waiting(status)),
        (f"last {requests.minutes} min", _requests(status)),
        ("seconds to a picture", _seconds(status)),
        ("open jobs", f"{status.open_jobs}{' or more' if status.open_jobs >= MOST_INDEXED else ''}"),
        ("dead letters", _dead_letters(status)),
        ("stacks", _stacks(status)),
    ):
        table.add_row(name, value)
    return table


def _endpoint(status: Status) -> str:
    endpoint = status.endpoint
    if endpoint is None:
        return "none yet: `darkroom build` makes what it serves"
    moving = "" if endpoint.wanted == endpoint.instances else f", {endpoint.wanted} wanted"
    may = "" if endpoint.maximum is None else f" of {endpoint.minimum} to {endpoint.maximum}"
    text = f"{_coloured(endpoint.status, 'InService')}, {_count(endpoint.instances, 'instance')}{may}{moving}"
    return f"{text}\n{escape(endpoint.failure)}" if endpoint.failure else text


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _waiting(status: Status) -> str:
    if status.backlog.requests is None:
        return NOTHING
    oldest = status.backlog.oldest_seconds
    return f"{status.backlog.requests}" + (f", the oldest for {oldest:.0f} s" if oldest else "")


def _requests(status: Status) -> str:
    requests = status.requests
    rate = "" if requests.hit_rate is None else f" ({requests.hit_rate:.0%})"
    return (
        f"{_count(requests.requests, 'request')}: {requests.hits} from the cache{rate}, "
        f"{requests.misses} to draw; "
        f"{requests.completed} done, {_red(requests.failed, 'failed')}, {requests.resubmitted} tried again, "
        f"{_red(requests.errors, 'answers with 5xx')}"
    )


def _seconds(status: Status) -> str:
    requests = status.requests
    if requests.p50 is None or requests.p95 is None or requests.p99 is None:
        return NOTHING
    return f"p50 {requests.p50:.1f}, p95 {requests.p95:.1f}, p99 {requests.p99:.1f}"


def _dead_letters(status: Status) -> str:
    if not status.dead_letters:
        return "0"
    return f"[red]{status.dead_letters}[/red]: `darkroom redrive {status.campaign}` handles them again"


def _stacks(status: Status) -> str:
    newest = max(stack.changed_at for stack in status.stacks)
    odd = [stack for stack in status.stacks if stack.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE")]
    named = "".join(f"\n{stack.name}: {_coloured(stack.status)}" for stack in odd)
    return f"{len(status.stacks)}, last deployed {newest:%Y-%m-%d %H:%M} UTC{named}"


def _alarms(status: Status) -> Table:
    table = Table(title="Alarms", title_justify="left", title_style="bold red")
    for column in ("alarm", "for", "what to do", "why"):
        table.add_column(column)
    for alarm in status.alarms:
        table.add_row(
            escape(alarm.name),
            _ago(status.moment, alarm.since),
            alarm.runbook or NOTHING,
            escape(alarm.reason),
        )
    return table


def _red(count: int, what: str) -> str:
    return f"[red]{count} {what}[/red]" if count else f"0 {what}"


def _coloured(state: str, good: str = "COMPLETE") -> str:
    if "FAIL" in state.upper() or "ROLLBACK" in state.upper():
        return f"[red]{state}[/red]"
    return f"[green]{state}[/green]" if state.endswith(good) else f"[yellow]{state}[/yellow]"


def _ago(now: datetime, then: datetime) -> str:
    seconds = max(0, round((now - then).total_seconds()))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")
