"""Which container serves a campaign, and that it reads the bundle's layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from serving.bundle import Manifest, describe_files

from darkroom.campaign import Problem, Sources, load_campaigns

TINY: dict[str, Any] = {"recipe": "tiny-sdxl", "bundle": "tiny-sdxl"}


def lay_out(bundle: Path, adapter: str) -> None:
    manifest = Manifest(
        "tiny-sdxl", "tiny-sdxl", "cpu", describe_files(bundle), "a test", "none", adapter=adapter
    )
    (bundle / "bundle.json").write_text(manifest.to_json())


@pytest.mark.parametrize(("adapter", "container"), [("sagemaker", "huggingface"), ("djl", "djl")])
def test_a_local_bundle_is_served_in_the_container_it_is_laid_out_for(
    write: Callable[..., Path], sources: Sources, bundle: Path, adapter: str, container: str
) -> None:
    lay_out(bundle, adapter)
    write("tiny", model=TINY)

    assert load_campaigns(sources)[0].container == container


def test_of_a_bundle_in_s3_the_campaign_says_it(write: Callable[..., Path], sources: Sources) -> None:
    write("one")
    write("two", endpoint={"container": "djl"})

    assert [campaign.container for campaign in load_campaigns(sources)] == ["huggingface", "djl"]


def test_a_container_that_cannot_read_the_bundle_is_refused(
    write: Callable[..., Path], problems: Callable[[], dict[str, Problem]]
) -> None:
    write("tiny", model=TINY, endpoint={"container": "djl"})

    problem = problems()["endpoint.container"]

    assert "laid out for another model server, sagemaker" in problem.rule
    assert problem.expected == "huggingface, or a bundle packaged with --adapter djl"


def test_a_layout_that_no_container_reads_is_no_bundle(
    write: Callable[..., Path], bundle: Path, problems: Callable[[], dict[str, Problem]]
) -> None:
    lay_out(bundle, "triton")
    write("tiny", model=TINY)

    assert "is no manifest" in problems()["model.bundle"].rule
