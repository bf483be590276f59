"""Times a bundle's pictures as published tables report them: P50 and P95 a picture, and what one costs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table
from serving.bundle import Manifest, verify_bundle
from serving.image_request import ImageRequest
from serving.recipe import Recipe, Size, read_recipe, size_name

Report = Callable[[str], None]

# Inferentia2's cores an instance type; a worker takes some, so a larger instance draws several at a time.
_CORES = {"inf2.xlarge": 2, "inf2.8xlarge": 2, "inf2.24xlarge": 12, "inf2.48xlarge": 24}


class BenchError(Exception):
    """Something that can't be measured, or has no price."""


@dataclass(frozen=True)
class Row:
    """Pictures of one size. Milliseconds a picture; dollars for one at the rate, None without a rate."""

    model: str
    size: Size
    dtype: str
    steps: int
    p50_ms: float
    p95_ms: float
    dollars_an_image: float | None
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Bench:
    """A bundle's rows, the digest of what was measured, and the rate that the cost is for.

    Attributes:
        load_seconds: from the folder to a pipeline that is ready, verification not counted.
        workers: that draw at the same time on the machine the rate is for.
    """

    bundle: str
    digest: str
    compiler: str
    load_seconds: float
    rate: str
    workers: int
    rows: tuple[Row, ...]


def bench_bundle(
    bundle: Path,
    *,
    runs: int,
    steps: int | None = None,
    sizes: Sequence[Size] = (),
    price: float | None = None,
    instance_type: str | None = None,
    report: Report = lambda step: None,
) -> Bench:
    """Draw `runs` pictures of each size, after one of each that is not counted.

    Raises:
        BundleError: the bundle is not whole, or can't run here.
        BenchError: the bundle has no such size or steps, or the instance type no price.
    """
    manifest = verify_bundle(bundle)
    recipe = read_recipe(bundle / "code" / "recipe.json")
    wanted = _sizes(recipe, sizes)
    count = int(recipe.steps.default) if steps is None else steps
    if not recipe.steps.allow(count):
        raise BenchError(
            f"{recipe.name} takes {recipe.steps.minimum} to {recipe.steps.maximum} steps, not {count}"
        )
    dollars_an_hour, rate, workers = _rate(price, instance_type, recipe)
    from serving.pipeline import draw, load_pipeline  # imports torch

    start = time.perf_counter()
    pipeline = load_pipeline(bundle)
    load_seconds = time.perf_counter() - start
    rows = []
    for size in wanted:
        report(f"drawing {size_name(size)}")
        draw(pipeline, _request(recipe, size, count, 0))  # the first of a size is slower: it is nobody's
        seconds = tuple(_seconds(lambda seed: draw(pipeline, _request(recipe, size, count, seed)), runs))
        rows.append(_row(manifest, size, count, seconds, dollars_an_hour, workers))
    return Bench(manifest.name, manifest.digest, manifest.compiler, load_seconds, rate, workers, tuple(rows))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def bench_table(bench: Bench) -> Table:
    """The columns of System B's table, and P50."""
    table = Table(
        *("Model", "Resolution", "Type", "Steps", "P50 ms", "P95 ms", "$ an image"),
        title=f"{bench.bundle} compiled with {bench.compiler}, measured on this machine",
        caption=f"{bench.rate}; loaded in {bench.load_seconds:.2f} s",
    )
    for row in bench.rows:
        cost = "" if row.dollars_an_image is None else f"{row.dollars_an_image:.7f}"
        table.add_row(
            row.model,
            size_name(row.size),
            row.dtype,
            str(row.steps),
            f"{row.p50_ms:.1f}",
            f"{row.p95_ms:.1f}",
            cost,
        )
    return table


def write_bench(bench: Bench, file: Path) -> None:
    """Write JSON that `darkroom plan` takes as service times: "seconds" holds the first size's pictures."""
    content = {"seconds": bench.rows[0].seconds, **asdict(bench)}
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _sizes(recipe: Recipe, sizes: Sequence[Size]) -> Sequence[Size]:
    others = [size_name(size) for size in sizes if size not in recipe.sizes]
    if others:
        known = ", ".join(size_name(size) for size in recipe.sizes)
        raise BenchError(f"the bundle has no size {', '.join(others)}; it has: {known}")
    return sizes or recipe.sizes


def _rate(price: float | None, instance_type: str | None, recipe: Recipe) -> tuple[float | None, str, int]:
    """Dollars an hour, what they are for, and the workers that share them."""
    cores = _CORES.get((instance_type or "").removeprefix("ml."))
    workers = 1 if cores is None else max(1, cores // recipe.neuron_cores_per_worker)
    if price is not None:
        return price, f"${price:g} an hour as given, {workers} worker(s)", workers
    if instance_type is None:
        return None, "no price asked for (--price or --instance-type)", 1
    # Imported where it is needed: containers that build have no planner.
    from darkroom.planner.prices import read_prices

    prices = read_prices()
    found = prices.of(instance_type)
    return (
        found,
        f"${found:g} an hour for {instance_type}, {workers} worker(s), prices of {prices.as_of}",
        workers,
    )


def _request(recipe: Recipe, size: Size, steps: int, seed: int) -> ImageRequest:
    return ImageRequest(
        prompt="a red circle on a white background",
        negative_prompt="",
        seed=seed,
        steps=steps,
        guidance_scale=recipe.guidance_scale.default,
        width=size[0],
        height=size[1],
    )


def _seconds(draw: Callable[[int], object], runs: int) -> list[float]:
    taken = []
    for seed in range(runs):
        start = time.perf_counter()
        draw(seed)
        taken.append(time.perf_counter() - start)
    return taken


def _row(
    manifest: Manifest,
    size: Size,
    steps: int,
    seconds: tuple[float, ...],
    dollars_an_hour: float | None,
    workers: int,
) -> Row:
    unet = next(part for part in manifest.parts.values() if part.part == "unet" and part.size in (size, None))
    p95 = percentile(seconds, 0.95)
    return Row(
        model=manifest.model,
        size=size,
        dtype=unet.dtype,
        steps=steps,
        p50_ms=percentile(seconds, 0.5) * 1000,
        p95_ms=p95 * 1000,
        dollars_an_image=None if dollars_an_hour is None else dollars_an_hour * p95 / 3600 / workers,
        seconds=seconds,
    )
