"""``darkroom plan``: reads what it was given, plans, shows and writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from darkroom.campaign import ResolvedCampaign, Sources, load_campaign
from darkroom.planner.alternatives import all_alternatives, deployed
from darkroom.planner.plan import Assumptions, Planned, ProgressOf, plan_all, service_time
from darkroom.planner.report import write_html, write_json
from darkroom.planner.tables import terminal_table
from darkroom.planner.traffic import Traffic
from darkroom.planner.traffic_source import TrafficSource


@dataclass(frozen=True)
class PlanRequest:
    """What ``darkroom plan`` was asked.

    Attributes:
        compare: lay all policies side by side.
        objective: search for the cheapest plan that holds it, such as ``p95 < 9.7s``.
        json, html: files to write.
    """

    campaign: str
    traffic: TrafficSource
    assumptions: Assumptions
    compare: bool = False
    objective: str | None = None
    json: Path | None = None
    html: Path | None = None
    sources: Sources = field(default_factory=Sources)


def run_plan(request: PlanRequest, console: Console) -> None:
    """Plan and show; the search's findings come last, ready to be put into the campaign file.

    Raises:
        CampaignError: the campaign's file is wrong.
        PlanError: the traffic, a price or an assumption is.
    """
    campaign = load_campaign(request.sources, request.campaign)
    with console.status("traffic"):
        traffic = request.traffic.load(request.assumptions.seed)
    with console.status("synthesizing the campaign's template"):
        alternatives = all_alternatives(campaign) if request.compare else (deployed(campaign),)
    with _progress(console) as progress_of:
        planned = plan_all(campaign, alternatives, traffic, request.assumptions, progress_of)
    head = describe(campaign, traffic, request.assumptions)
    console.print(terminal_table(f"{campaign.name}: {traffic.description}", [one.summary for one in planned]))
    console.print(
        f"Waits are from request to answer. A picture takes {head['seconds_per_image']:.3g} s "
        f"({head['service_source']}); prices of {head['prices_as_of']}; seed {head['seed']}."
    )
    _write(request, head, planned, console)
    if request.objective is not None:
        _optimize(request.objective, campaign, traffic, request.assumptions, console)


def _write(request: PlanRequest, head: dict[str, Any], planned: Sequence[Planned], console: Console) -> None:
    writers: tuple[tuple[Path | None, Callable[..., None]], ...] = (
        (request.json, write_json),
        (request.html, write_html),
    )
    for file, write in writers:
        if file is not None:
            write(file, head, planned)
            console.print(f"written to {file}")


def describe(campaign: ResolvedCampaign, traffic: Traffic, assumptions: Assumptions) -> dict[str, Any]:
    """What was planned, under which assumptions."""
    service = service_time(campaign, assumptions)
    start_up, delays = assumptions.start_up, assumptions.delays
    return {
        "campaign": campaign.name,
        "traffic": traffic.description,
        "start": traffic.start.isoformat(),
        "hours": traffic.seconds / 3600,
        "seconds_per_image": service.mean,
        "service_source": service.source,
        "workers_per_instance": campaign.workers_per_instance,
        "instance_type": campaign.file.endpoint.instance_type,
        "start_up_seconds": [start_up.shortest, start_up.likeliest, start_up.longest],
        "metric_delay_seconds": {
            "front_end": delays.front_end,
            "endpoint": delays.endpoint,
            "host": delays.host,
        },
        "prices_as_of": assumptions.prices.as_of,
        "prices_source": assumptions.prices.source,
        "seed": assumptions.seed,
    }


@contextmanager
def _progress(console: Console) -> Iterator[ProgressOf]:
    """A bar for each run, gone when all are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        def of(name: str) -> Callable[[float], None]:
            task = progress.add_task(name, total=1.0)
            return lambda share: progress.update(task, completed=share)

        yield of


def _optimize(
    objective: str, campaign: ResolvedCampaign, traffic: Traffic, assumptions: Assumptions, console: Console
) -> None:
    from darkroom.planner.objective import parse_objective
    from darkroom.planner.optimizer import optimize
    from darkroom.planner.tables import seconds_text

    wanted = parse_objective(objective)
    with _progress(console) as progress_of:
        found = optimize(wanted, campaign, traffic, assumptions, progress_of("searching"))
    summary = found.planned.summary
    verdict = "holds" if found.holds else "was not reached by any plan that was tried; the nearest has"
    console.print(
        f"{wanted.text} {verdict}: P95 {seconds_text(summary.wait.p95)}, ${summary.cost:,.2f}, "
        f"{summary.instance_hours:.1f} instance-hours ({found.tried} plans tried). For the campaign file:"
    )
    console.print(found.yaml_lines(), highlight=False, markup=False)
