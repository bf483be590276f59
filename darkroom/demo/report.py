"""The demo's report: one HTML file and the pictures beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape

from darkroom.charts import Series, line_chart
from darkroom.demo.checks import Check, Run


def write(run: Run, checks: Sequence[Check], *, campaign: str, began: datetime, folder: Path) -> Path:
    """Write pictures and index.html to ``folder``; the report's path.

    Args:
        began: the sandbox's time at which the charts' x axes start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prompts = {outcome.job_id: outcome.prompt for outcome in run.outcomes}
    shown = []
    for job_id, content in run.pictures.items():
        (folder / f"{job_id}.png").write_bytes(content)
        shown.append({"file": f"{job_id}.png", "job_id": job_id, "prompt": prompts[job_id]})
    # Prompts are other people's text: autoescape keeps them text.
    environment = Environment(
        loader=PackageLoader("darkroom.demo", "."), autoescape=select_autoescape(["j2"])
    )
    page = environment.get_template("report.html.j2").render(
        campaign=campaign,
        checks=checks,
        pictures=shown,
        charts=_charts(run, began),
        outcomes=run.outcomes,
        notifications=run.notifications,
    )
    report = folder / "index.html"
    report.write_text(page, encoding="utf-8")
    return report


def _charts(run: Run, began: datetime) -> list[str]:
    """The four curves, over minutes since ``began``, with one x axis."""

    def minutes(points: Sequence[tuple[datetime, float]]) -> list[tuple[float, float]]:
        return [((at - began).total_seconds() / 60, value) for at, value in points]

    utilization, backlog = minutes(run.readings.utilization), minutes(run.readings.backlog)
    instances = [((at - began.timestamp()) / 60, float(count)) for at, count in run.instances]
    latencies = [(seconds / 60, latency) for seconds, latency in run.latencies]
    curves = [
        ("Request latency over time", "wall seconds", Series("request to picture", latencies, "dots")),
        ("Utilization over time", "utilization", Series("utilization rate", utilization)),
        ("Instances in service", "instances", Series("instances", instances, "steps")),
        ("Backlog", "requests", Series("waiting and drawing", backlog, "steps")),
    ]
    x_end = max(x for _, _, series in curves for x, _ in series.points)
    return [
        line_chart(title, "sandbox minutes", y_label, [series], x_end=x_end)
        for title, y_label, series in curves
    ]
