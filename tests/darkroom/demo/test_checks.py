"""The demo's claims hold in a good run, and each is refuted by the run that breaks it."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from darkroom.demo.checks import Run, check
from darkroom.demo.image_requests import Outcome
from darkroom.demo.metrics import Readings
from training.drawings import Drawing
from training.pictures import Size, render

_AT = datetime(2026, 1, 1, tzinfo=UTC)


_DRAWINGS = {"a": Drawing("red", "star", "white"), "b": Drawing("blue", "circle", "black")}


def _picture(drawing: Drawing) -> bytes:
    png = io.BytesIO()
    render(drawing, Size(128, 128), np.random.default_rng(1)).save(png, "PNG")
    return png.getvalue()


_PICTURES = {job: _picture(drawing) for job, drawing in _DRAWINGS.items()}


def _outcome(round_name: str, job_id: str, cache: str) -> Outcome:
    return Outcome(round_name, _DRAWINGS[job_id].prompt, job_id, cache, "done", 0.0, 1.0, "http://link")


def _good_run() -> Run:
    outcomes = [
        _outcome("first", "a", "miss"),
        _outcome("first", "a", "coalesced"),
        _outcome("crowd", "b", "miss"),
        _outcome("crowd", "b", "coalesced"),
        _outcome("again", "a", "hit"),
    ]
    return Run(
        outcomes=outcomes,
        pictures=_PICTURES,
        drawn={"a": 1, "b": 1},
        latencies=[(0.0, 1.0)],
        instances=[(0.0, 0), (1.0, 1), (2.0, 0)],
        notifications=[{"invocationStatus": "Completed", "inferenceId": f"{job}.1"} for job in "ab"],
        readings=Readings(
            requests=[(_AT, 5.0)],
            cache_hits=[(_AT, 3.0)],
            cache_misses=[(_AT, 2.0)],
            latency_seconds=[(_AT, 1.0)],
            backlog=[(_AT, 2.0)],
            utilization=[(_AT, 0.9), (_AT, 0.0)],
        ),
        left=[],
    )


def test_a_good_run_holds() -> None:
    assert [one.claim for one in check(_good_run()) if not one.held] == []


_GOOD = _good_run()
_BROKEN = {
    "every request ended in a picture": replace(
        _GOOD, outcomes=[*_GOOD.outcomes[:-1], replace(_GOOD.outcomes[-1], status="failed")]
    ),
    "every picture is a PNG": replace(_GOOD, pictures=_PICTURES | {"a": b"<html>"}),
    "nine of ten pictures and more show the colour, shape and background that they were asked for": replace(
        _GOOD, pictures=_PICTURES | {"a": _PICTURES["b"]}
    ),
    "the same request asked many times at once was one job, drawn once": replace(
        _GOOD, drawn={"a": 1, "b": 2}
    ),
    "asking again was served from the cache": replace(
        _GOOD, outcomes=[*_GOOD.outcomes[:-1], _outcome("again", "a", "coalesced")]
    ),
    "no picture was drawn twice": replace(_GOOD, drawn={"a": 2, "b": 1}),
    "the endpoint came up from zero and went back to zero": replace(_GOOD, instances=[(0.0, 0), (1.0, 1)]),
    "every drawn picture was notified, and nothing else": replace(
        _GOOD, notifications=_GOOD.notifications[:1]
    ),
    "CloudWatch counted every request as a hit or a miss": replace(
        _GOOD, readings=replace(_GOOD.readings, cache_hits=[(_AT, 2.0)])
    ),
    "the utilization metric moved": replace(
        _GOOD, readings=replace(_GOOD.readings, utilization=[(_AT, 0.5), (_AT, 0.5)])
    ),
    "cdk destroy left nothing": replace(_GOOD, left=["AWS::S3::Bucket demo-pictures"]),
}


@pytest.mark.parametrize("claim", _BROKEN)
def test_a_broken_run_is_told(claim: str) -> None:
    assert claim in [one.claim for one in check(_BROKEN[claim]) if not one.held]


def test_every_claim_can_fail() -> None:
    assert {one.claim for one in check(_GOOD)} == set(_BROKEN)
