import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from darkroom.planner.distributions import read_service_time
from neuron_build.bench import BenchError, bench_bundle, percentile
from neuron_build.cli import app


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_measured_value_that_its_share_does_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_bench_reports_a_bundle_and_the_planner_reads_it(built: Path, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    arguments = ["bench", str(built), "--runs", "3", "--steps", "2", "--json", str(file), "--price", "0.76"]
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})

    assert shown.exit_code == 0, shown.output
    content = json.loads(file.read_text())
    (row,) = content["rows"]
    assert (row["size"], row["dtype"], row["steps"], len(row["seconds"])) == ([64, 64], "float32", 2, 3)
    assert row["p95_ms"] == pytest.approx(max(row["seconds"]) * 1000)
    assert row["dollars_an_image"] == pytest.approx(0.76 * row["p95_ms"] / 3_600_000)
    assert read_service_time(file).measured == pytest.approx(row["seconds"])
    assert f"{row['dollars_an_image']:.7f}" in shown.output


def test_on_an_instance_with_many_workers_they_share_its_price(built: Path) -> None:
    bench = bench_bundle(built, runs=1, steps=1, instance_type="ml.inf2.48xlarge")

    assert bench.workers == 12
    assert bench.rows[0].dollars_an_image == pytest.approx(15.58 * bench.rows[0].p95_ms / 3_600_000 / 12)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"sizes": [(8, 8)]}, "has no size 8x8; it has: 64x64"),
        ({"steps": 1000}, "takes 1 to 50 steps, not 1000"),
        ({"instance_type": "ml.g5.xlarge"}, "have no ml.g5.xlarge"),
    ],
)
def test_what_can_not_be_measured_is_refused(arguments: dict[str, object], reason: str, built: Path) -> None:
    with pytest.raises((BenchError, ValueError), match=reason):
        bench_bundle(built, runs=1, **arguments)  # type: ignore[arg-type]
