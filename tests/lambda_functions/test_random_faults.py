"""Thousands of requests while everything goes wrong at random: each ends, by its deadline, rightly."""

from __future__ import annotations

import io
import logging
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from image_api import completion, drawing, front, reconciliation, telemetry
from image_api.telemetry import logger

from tests.lambda_functions.job_history import REASON
from tests.lambda_functions.simulated_campaign import Plan, SimulatedCampaign
from tests.lambda_functions.virtual_time import ProcessTime


class OneAtATime:
    """Stands for the pool of reconciliation's threads: in virtual time it is their turn one by one."""

    def __init__(self, _threads: int) -> None:
        pass

    def __enter__(self) -> OneAtATime:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, function: Any, *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*arguments))
        return future


@pytest.fixture
def quiet() -> Iterator[io.StringIO]:
    """The functions' log, kept in memory."""
    handler = logging.getLogger(logger.service).handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    log = io.StringIO()
    before = handler.setStream(log)
    yield log
    handler.setStream(before)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The functions' metrics, in sum."""
    counts: Counter[str] = Counter()
    monkeypatch.setattr(telemetry.Metrics, "count", lambda _self, name: counts.update([name]))
    monkeypatch.setattr(telemetry.Metrics, "seconds", lambda *_: None)
    monkeypatch.setattr(telemetry.Metrics, "flush", lambda _self: None)
    return counts


def play(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> SimulatedCampaign:
    with monkeypatch.context() as patch:
        simulated = SimulatedCampaign(plan)
        for module in (front, completion, reconciliation, drawing):
            patch.setattr(module, "_application", lambda: simulated.application)
        for module in (reconciliation, drawing):
            patch.setattr(module, "time", ProcessTime)
        patch.setattr(reconciliation, "ThreadPoolExecutor", OneAtATime)
        for level in ("error", "warning"):
            _beside(patch, level, simulated)
        random.seed(plan.seed)
        simulated.run()
        check(simulated)
        return simulated


def _beside(patch: pytest.MonkeyPatch, level: str, simulated: SimulatedCampaign) -> None:
    """Hear what reconciliation logs as an error or a warning: jobs, lists or time that it missed."""
    log = getattr(logger, level)

    def told(text: str, **fields: Any) -> None:
        log(text, **fields)
        if text in ("job not looked after", "open jobs not listed", "out of time; the next run goes on"):
            simulated.note_missed(**fields)

    patch.setattr(logger, level, told)


def check(simulated: SimulatedCampaign) -> None:
    history = simulated.history
    assert not history.wrong
    assert not history.open, "none is lost, none is stuck"
    assert history.ids <= history.lives.keys()
    rows = simulated.table.items
    assert rows.keys() == history.lives.keys()
    for job_id, life in history.lives.items():
        row = rows[job_id]
        assert "open_since_bucket" not in row
        if row["state"]["S"] == "done":
            bucket, key = row["picture_location"]["S"].removeprefix("s3://").split("/", 1)
            picture = simulated.s3.objects[bucket, key]
            assert job_id in picture.decode("latin-1"), "the picture is the job's own"
        for asking in life.askings:
            assert asking.until is not None
            # A look that AWS or a crash took from this very job comes a minute later.
            missed = sum(
                asking.since <= at <= asking.until and which in ("", job_id[0], job_id)
                for at, which in simulated.missed
            )
            assert asking.until - asking.since <= simulated.deadline + 60 * missed, life.writes
            if asking.state == "failed":
                assert REASON.fullmatch(asking.reason), asking.reason
                assert "secret" not in asking.reason
    in_vain = drawn_in_vain(simulated)
    simulated.came["handed over though done meanwhile"] = in_vain


def drawn_in_vain(simulated: SimulatedCampaign) -> int:
    """Attempts handed to the endpoint after the job was done: they had begun before, for lost ones."""
    in_vain = 0
    for name, at in simulated.endpoint.seen.asked:
        job_id, attempt = name.split(".")
        life = simulated.history.lives[job_id]
        if life.done_at is not None and at > life.done_at:
            assert life.begun[int(attempt)] < life.done_at, "no attempt begins after success"
            in_vain += 1
    return in_vain


def figures(simulated: SimulatedCampaign, counted: Counter[str]) -> dict[str, Any]:
    askings = [asking for life in simulated.history.lives.values() for asking in life.askings]
    seconds = sorted((asking.until or 0) - asking.since for asking in askings)
    return {
        "accepted": len(simulated.history.ids),
        "askings": len(askings),
        "ended": dict(Counter(asking.state for asking in askings)),
        "median s": round(seconds[len(seconds) // 2]),
        "longest s": round(seconds[-1]),
        "deadline s": simulated.deadline,
        "inferences": len(simulated.endpoint.seen.asked),
        "calls": simulated.aws.calls,
        "dead letters": len(simulated.dead_letters),
        "looks of reconciliation that failed": len(simulated.missed),
        "faults": dict(simulated.aws.came + simulated.came + simulated.endpoint.seen.came),
        "metrics": dict(counted),
    }


def holds(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, quiet: io.StringIO, counted: Counter[str]
) -> dict[str, Any]:
    """Play ``plan``, check it, and give its figures."""
    simulated = play(plan, monkeypatch)
    assert counted["NumberOfInferenceRequests"] == counted["CacheHits"] + counted["CacheMisses"]
    lives = simulated.history.lives.values()
    done = sum(life.times_done for life in lives)
    # A function that dies between a write and its count does not count it; none counts twice.
    unsure = sum(simulated.aws.came[name] for name in ("crash after a call", "answer lost", "silence"))
    assert done - unsure <= counted["PicturesCompleted"] <= done
    assert "secret" not in quiet.getvalue()
    return figures(simulated, counted)


BOTH = pytest.mark.parametrize("realtime", [False, True], ids=["asynchronous", "realtime"])


@BOTH
def test_every_request_ends_rightly_whatever_goes_wrong(
    realtime: bool, monkeypatch: pytest.MonkeyPatch, quiet: io.StringIO, counted: Counter[str]
) -> None:
    plan = Plan(seed=1, requests=700, realtime=realtime, seconds=1800)
    assert holds(plan, monkeypatch, quiet, counted)["accepted"] > 500


def test_the_same_seed_is_the_same_run(
    monkeypatch: pytest.MonkeyPatch, quiet: io.StringIO, counted: Counter[str]
) -> None:
    plan = Plan(seed=5, requests=60, seconds=600)
    first = holds(plan, monkeypatch, quiet, counted)
    counted.clear()
    assert holds(plan, monkeypatch, quiet, counted) == first


@pytest.mark.soak
@BOTH
def test_ten_thousand_requests_end_rightly_whatever_goes_wrong(
    realtime: bool, monkeypatch: pytest.MonkeyPatch, quiet: io.StringIO, counted: Counter[str]
) -> None:
    plan = Plan(seed=2026, requests=14_500, realtime=realtime, seconds=6 * 3600)
    shown = holds(plan, monkeypatch, quiet, counted)
    print(shown)
    assert shown["accepted"] >= 10_000
