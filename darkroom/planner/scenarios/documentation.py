"""The tables of docs/scaling.md."""

from __future__ import annotations

from collections.abc import Sequence

from darkroom.planner.plan import Planned
from darkroom.planner.problem import PlanError
from darkroom.planner.scenarios.catalogue import Scenario
from darkroom.planner.tables import markdown_table

BEGIN, END = "<!-- scenarios: begin, written by make scaling -->", "<!-- scenarios: end -->"


def section(scenario: Scenario, planned: Sequence[Planned], curves: Sequence[str]) -> str:
    """One scenario: what it is, the table, the curves."""
    summary = planned[0].summary
    return "\n".join(
        [
            f"### {scenario.name}",
            "",
            f"{scenario.description} {summary.requests:,} requests, goal {summary.goal:g} s.",
            "",
            markdown_table([one.summary for one in planned]),
            "",
            *(f"![{scenario.name}]({curve})" for curve in curves),
            "",
        ]
    )


def between_marks(document: str, text: str) -> str:
    """``document`` with ``text`` in place of what stands between the marks.

    Raises:
        PlanError: the marks are not there.
    """
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise PlanError(f"the document needs the lines {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n{text}\n{END}{tail}"
