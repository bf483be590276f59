"""``make bench``: measure everything, print it, write docs/benchmarks.md."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks import front_end, synth
from benchmarks.ratio import Ratio
from benchmarks.synth import Growth

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Measure, print, write."""
    console = Console()
    ratios = []
    for measure in (
        front_end.cache_hit,
        front_end.cold_start,
        synth.one_campaign,
        synth.one_campaign_without_validation,
    ):
        with console.status(f"{measure.__module__}.{measure.__name__}"):
            ratio = measure()
        console.print(f"{ratio.name}: {ratio.ratio:.2f} ({_goal(ratio)})")
        ratios.append(ratio)
    with console.status("synth.growth"):
        growth = synth.growth()
    console.print(f"each further campaign: {growth.seconds_per_campaign:.2f} s (goal {growth.goal})")
    REPORT.write_text(_report(ratios, growth), encoding="utf-8")
    console.print(f"written to {REPORT}")


def _goal(ratio: Ratio) -> str:
    return "for comparison" if ratio.goal is None else f"at most {ratio.goal:g}"


def _report(ratios: Sequence[Ratio], growth: Growth) -> str:
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}. "
        "Each ratio compares two things timed in turn in one run: machines drift, ratios do so less. "
        "The spread is the 10th to the 90th percentile of the pairwise ratios.",
        "",
        "| what | ratio | spread | goal | median | base's median | pairs |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in ratios:
        lines.append(
            f"| {one.name} | {one.ratio:.2f} | {one.spread[0]:.2f}-{one.spread[1]:.2f} | {_goal(one)} "
            f"| {one.seconds * 1000:.1f} ms | {one.base_seconds * 1000:.1f} ms | {one.rounds} |"
        )
    lines += [
        "",
        "Synth by the number of campaigns in the app (medians of three runs): "
        + ", ".join(f"{count}: {seconds:.2f} s" for count, seconds in growth.seconds)
        + f". Each further campaign costs {growth.seconds_per_campaign:.2f} s (goal {growth.goal:g} s).",
        "",
        "How each is measured is in the docstrings of `benchmarks/`.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
