"""``python -m darkroom.planner.scenarios``: runs the scenarios, writes their tables into docs/scaling.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from darkroom.planner.report import charts
from darkroom.planner.scenarios.catalogue import Scenario, load_campaign_of_scenarios, scenarios
from darkroom.planner.scenarios.documentation import between_marks, section

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "scaling.md"


def main(
    traces: Annotated[
        Path | None, typer.Option(help="The folder with the recorded arrivals; without it they are left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same tables.")] = 0,
) -> None:
    """Run every scenario; write tables and curves."""
    console = Console()
    campaign = load_campaign_of_scenarios()
    sections = []
    for scenario in scenarios(traces):
        with console.status(scenario.name):
            planned = scenario.run(campaign, seed)
        curves = _write_curves(scenario, charts(planned[: scenario.drawn]))
        sections.append(section(scenario, planned, curves))
        console.print(f"{scenario.name}: {planned[0].summary.requests:,} requests")
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(between_marks(text, "\n".join(sections)), encoding="utf-8")
    console.print(f"written to {DOCUMENT}")


def _write_curves(scenario: Scenario, drawings: list[str]) -> list[str]:
    """The latency and the instances of a scenario as files beside the document; their names."""
    names = []
    for kind, drawing in (("latency", drawings[0]), ("instances", drawings[2])):
        name = f"scaling-{scenario.slug}-{kind}.svg"
        DOCUMENT.with_name(name).write_text(drawing + "\n", encoding="utf-8")
        names.append(name)
    return names


if __name__ == "__main__":
    typer.run(main)
