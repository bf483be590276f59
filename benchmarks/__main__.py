"""``make bench``: measure everything, print it, write docs/benchmarks.md."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks import front_end, model, moderation, planner, synth
from benchmarks.model import Rebuild
from benchmarks.planner import Comparison, Day
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
        moderation.word_check,
        synth.one_campaign,
        synth.one_campaign_without_validation,
        model.serving_over_bare_loop,
        model.loading_time,
        model.loading_memory,
        model.process_memory,
        model.parallel_build,
    ):
        with console.status(f"{measure.__module__}.{measure.__name__}"):
            ratio = measure()
        console.print(f"{ratio.name}: {ratio.ratio:.2f} ({_goal(ratio)})")
        ratios.append(ratio)
    with console.status("model.rebuild"):
        rebuild = model.rebuild()
    console.print(f"a rebuild with nothing changed: {rebuild.seconds:.2f} s (goal {rebuild.goal:g})")
    with console.status("synth.growth"):
        growth = synth.growth()
    console.print(f"each further campaign: {growth.seconds_per_campaign:.2f} s (goal {growth.goal})")
    with console.status("planner.against_simpy"):
        comparison = planner.against_simpy()
    console.print(f"planner over simpy: {comparison.ratio:.0f} times faster (goal {comparison.goal:g})")
    with console.status("planner.day"):
        days = [planner.day(hours) for hours in (6, 12, 24)]
    console.print(f"a day of {days[-1].requests:,} requests: {days[-1].seconds:.1f} s (goal 60)")
    REPORT.write_text(_report(ratios, growth, comparison, days, rebuild), encoding="utf-8")
    console.print(f"written to {REPORT}")


def _goal(ratio: Ratio) -> str:
    return "for comparison" if ratio.goal is None else f"at most {ratio.goal:g}"


def _amount(ratio: Ratio, value: float) -> str:
    return f"{value:.0f} MiB" if ratio.unit == "MiB" else f"{value * 1000:.1f} ms"


def _report(
    ratios: Sequence[Ratio], growth: Growth, comparison: Comparison, days: Sequence[Day], rebuild: Rebuild
) -> str:
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
            f"| {_amount(one, one.seconds)} | {_amount(one, one.base_seconds)} | {one.rounds} |"
        )
    lines += [
        "",
        f"A rebuild of a bundle with nothing changed takes {rebuild.seconds:.2f} s (median of "
        f"{rebuild.rounds}, goal {rebuild.goal:g} s) and compiles nothing.",
        "",
        "Synth by the number of campaigns in the app (medians of three runs): "
        + ", ".join(f"{count}: {seconds:.2f} s" for count, seconds in growth.seconds)
        + f". Each further campaign costs {growth.seconds_per_campaign:.2f} s (goal {growth.goal:g} s).",
        "",
        f"The planner simulates the same queue of {comparison.requests:,} requests "
        f"{comparison.ratio:.0f} times faster than a straightforward simpy model "
        f"(goal {comparison.goal:g}): {comparison.seconds:.3f} s and "
        f"{comparison.simpy_seconds:.1f} s; mean, P50, P95 and P99 differ by at most "
        f"{100 * comparison.largest_difference:.3f}% (goal 1%).",
        "",
        "| simulated at 300 requests a second | requests | wall time | peak memory | a million requests |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {hours} hours | {one.requests:,} | {one.seconds:.1f} s | {one.gigabytes:.2f} GB "
            f"| {one.seconds / one.requests * 1e6:.2f} s |"
            for hours, one in zip((6, 12, 24), days, strict=True)
        ),
        "",
        "One core; the goal for the day is 60 s and 4 GB, time in proportion to the requests.",
        "",
        "How each is measured is in the docstrings of `benchmarks/`.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
