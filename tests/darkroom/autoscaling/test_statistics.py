"""Statistics over samples, by the CloudWatch User Guide, "CloudWatch statistics definitions"."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.autoscaling.statistics import Samples, check_statistic

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


def samples_of(values: list[float]) -> Samples:
    samples = Samples()
    for value in values:
        samples.add(value)
    return samples


@given(VALUES)
def test_the_simple_statistics_are_what_they_are_called(values: list[float]) -> None:
    samples = samples_of(values)
    assert samples.statistic("SampleCount") == len(values)
    assert samples.statistic("Sum") == pytest.approx(sum(values), abs=1e-6)
    assert samples.statistic("Average") == pytest.approx(sum(values) / len(values), abs=1e-6)
    assert samples.statistic("Minimum") == min(values)
    assert samples.statistic("Maximum") == max(values)


@given(VALUES, VALUES)
def test_merging_is_the_same_as_adding_all(first: list[float], second: list[float]) -> None:
    merged = samples_of(first)
    merged.merge(samples_of(second))
    together = samples_of(first + second)
    for name in ("SampleCount", "Minimum", "Maximum", "p50", "p99"):
        assert merged.statistic(name) == together.statistic(name)


@given(VALUES, st.floats(0, 100))
def test_percentiles_lie_within_the_samples_and_rise(values: list[float], percent: float) -> None:
    samples = samples_of(values)
    name = f"p{min(percent, 99.99):.2f}"
    low, middle, high = (samples.statistic(stat) for stat in ("p0", name, "p100"))
    assert low == min(values)
    assert high == max(values)
    assert middle is not None
    assert min(values) <= middle <= max(values)


def test_counts_weigh_a_value() -> None:
    samples = Samples()
    samples.add(1.0, 99)
    samples.add(100.0, 1)
    assert (samples.statistic("p50"), samples.statistic("SampleCount")) == (1.0, 100)


def test_there_is_no_statistic_of_no_samples() -> None:
    assert Samples().statistic("Sum") is None
    assert Samples().statistic("p99") is None


def test_a_statistic_set_has_percentiles_only_if_all_its_values_are_the_same() -> None:
    """PutMetricData reference: SampleCount is 1, or Min and Max are equal."""
    one, spread = Samples(), Samples()
    one.add_statistic_set(count=4, total=8, minimum=2, maximum=2)
    spread.add_statistic_set(count=4, total=8, minimum=1, maximum=3)
    assert one.statistic("p99") == 2.0
    assert spread.statistic("p99") is None
    assert spread.statistic("Average") == 2.0


@pytest.mark.parametrize("name", ["Median", "p101", "tm99", "average", ""])
def test_an_unknown_statistic_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"the statistic '{name}' is not supported"):
        check_statistic(name)
