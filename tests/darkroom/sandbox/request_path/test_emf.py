from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.sandbox.lambda_runtime.emf import EmfError, samples


def document(**changes: Any) -> dict[str, Any]:
    directive = {
        "Namespace": "ImageGenAPI",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "CacheHits", "Unit": "Count"}],
        **changes,
    }
    return {
        "_aws": {"Timestamp": 1_700_000_000_500, "CloudWatchMetrics": [directive]},
        "service": "ImageGenerator",
        "CacheHits": 1,
    }


def test_a_metric_comes_out_with_its_dimensions_unit_value_and_moment() -> None:
    (sample,) = samples(json.dumps(document()))
    assert sample.namespace == "ImageGenAPI"
    assert sample.name == "CacheHits"
    assert sample.unit == "Count"
    assert sample.dimensions == (("service", "ImageGenerator"),)
    assert sample.values == (1.0,)
    assert sample.moment == 1_700_000_000.5


@pytest.mark.parametrize("resolution", [1, 60])
def test_a_sample_has_the_resolution_that_its_metric_says(resolution: int) -> None:
    metrics = [{"Name": "CacheHits", "StorageResolution": resolution}]
    (sample,) = samples(json.dumps(document(Metrics=metrics)))
    assert sample.storage_resolution == resolution
    (unsaid,) = samples(json.dumps(document()))
    assert unsaid.storage_resolution == 60


def test_a_hundred_metrics_are_taken_and_one_more_is_refused() -> None:
    def many(count: int) -> str:
        metrics = [{"Name": f"m{i}"} for i in range(count)]
        return json.dumps(document(Metrics=metrics) | {f"m{i}": i for i in range(count)})

    assert len(samples(many(100))) == 100
    with pytest.raises(EmfError, match="100"):
        samples(many(101))


def test_thirty_dimensions_are_taken_and_one_more_is_refused() -> None:
    def many(count: int) -> str:
        names = [f"d{i}" for i in range(count)]
        return json.dumps(document(Dimensions=[names]) | dict.fromkeys(names, "x"))

    assert len(samples(many(30))[0].dimensions) == 30
    with pytest.raises(EmfError, match="30"):
        samples(many(31))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Namespace": ""}, "Namespace"),
        ({"Dimensions": [["nowhere"]]}, "nowhere"),
        ({"Metrics": [{"Unit": "Count"}]}, "Name"),
        ({"Metrics": [{"Name": "absent"}]}, "absent"),
        ({"Metrics": [{"Name": "service"}]}, "no number"),
        ({"Metrics": [{"Name": "CacheHits", "StorageResolution": 10}]}, "StorageResolution 10: give 1 or 60"),
    ],
)
def test_a_malformed_line_is_refused_with_the_reason(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(EmfError, match=reason):
        samples(json.dumps(document(**change)))


@given(st.text())
def test_any_other_line_holds_no_metrics(line: str) -> None:
    assert samples(line) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["_aws", "CloudWatchMetrics", "Timestamp", "Metrics", "Dimensions", "Namespace", "Name"]
                ),
                inner,
            )
        ),
    )
)
def test_whatever_json_a_function_prints_it_is_taken_or_refused(value: Any) -> None:
    with contextlib.suppress(EmfError):
        assert samples(json.dumps({"_aws": value})) == []
