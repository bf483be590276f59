"""Requests by the thousand in a sandbox where everything goes wrong at random: each ends, in time, rightly.

SOAK_REQUESTS and SOAK_SEED say how many and which run. A seed gives the same arrivals and the same schedule
of troubles, but real processes never meet twice at the same moment.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from PIL import Image

from darkroom.demo.client import download
from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.faults import Faults
from darkroom.sandbox.process import SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment
from tests.e2e.random_clients import Asked, Clients, refusals
from tests.e2e.random_troubles import MOST_SKEW_SECONDS, Troubles, phases
from tests.e2e.streamed_history import StreamedHistory
from tests.eventually import eventually
from tests.lambda_functions.job_history import REASON

REQUESTS, SEED = int(os.environ.get("SOAK_REQUESTS", "1000")), int(os.environ.get("SOAK_SEED", "2026"))
TIME_TO_LIVE, TIMEOUT, ATTEMPTS = 120, 20, 3
# docs/failures.md. No look of reconciliation that failed is allowed for.
DEADLINE = ATTEMPTS * (TIME_TO_LIVE + TIMEOUT + 235 + 2 * MOST_SKEW_SECONDS)
# Lambda tries an event again after one and two minutes; notifications come up to a minute and a half late.
LAST_RETRY = 200


def test_a_seed_is_a_schedule_in_which_every_fault_comes_that_there_is() -> None:
    first, again, other = (list(islice(phases(seed), 40)) for seed in (1, 1, 2))
    assert first == again != other
    faults = Faults()
    for phase in first:
        faults.order(phase.faults)
    elsewhere = {"fail_guardrails", "throttle_rekognition"}  # nothing is moderated here
    for name in set(Faults.names()) - elsewhere:
        assert any(_is_on(phase.faults[name]) for phase in first), name
    for name in ("instances", "replaced", "forbidden", "redriven"):
        assert any(getattr(phase, name) for phase in first), name


def _is_on(ordered: Any) -> bool:
    return (
        bool(ordered["probability"])
        if isinstance(ordered, dict) and "probability" in ordered
        else bool(ordered)
    )


@pytest.fixture
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The demo with short times to wait, in a sandbox whose clock is the wall's."""
    folder = tmp_path_factory.mktemp("campaigns")
    write_campaign(
        folder,
        "soaked",
        endpoint={"request_time_to_live": f"{TIME_TO_LIVE}s", "invocation_timeout": f"{TIMEOUT}s"},
        scaling={"min_instances": 1, "max_instances": 2},
    )
    with SandboxProcess(speed=1, instance_start_seconds=5) as sandbox:
        cdk = Cdk(sandbox, campaigns=folder)
        cdk.bootstrap()
        cdk.deploy("soaked/*", campaign="soaked")
        yield Deployment(sandbox, "soaked")


@pytest.mark.e2e
@pytest.mark.soak
def test_every_request_ends_rightly_whatever_goes_wrong_in_real_processes(soaked: Deployment) -> None:
    print(f"SOAK_REQUESTS={REQUESTS} SOAK_SEED={SEED}", flush=True)
    began = time.monotonic()
    with StreamedHistory(soaked) as history:
        with Troubles(soaked, SEED) as troubles:
            asked = Clients(soaked, REQUESTS, SEED, lambda: history.open).run()
            # Claims that are not read yet have been made by the clients' last calls.
            time.sleep(2)
            eventually(lambda: not history.open, "all jobs are terminal", seconds=DEADLINE, every=1)
        time.sleep(LAST_RETRY)
        eventually(lambda: not troubles.redrive(), "no dead letter is left", seconds=120, every=5)
    shown = figures(soaked, history, troubles, asked)
    print(json.dumps({**shown, "wall minutes": round((time.monotonic() - began) / 60, 1)}, indent=1))
    check(soaked, history, asked)
    assert troubles.redriven <= history.jobs.lives.keys()
    assert shown["done"] > 0.8 * shown["jobs"], "troubles are to be survived, not only reported"


def check(soaked: Deployment, history: StreamedHistory, asked: list[Asked]) -> None:
    jobs = history.jobs
    assert not jobs.wrong
    assert not jobs.open, "none is lost, none is stuck"
    rows = {row["job_id"]["S"]: row for row in soaked.jobs()}
    assert rows.keys() == jobs.lives.keys()
    assert all("open_since_bucket" not in row for row in rows.values())
    # Who was answered with an id has that job. What a 5xx left behind is nothing, or a job like any other.
    assert all(one.job_id in (None, history.ids.get(one.prompt)) for one in asked)
    for job_id, life in jobs.lives.items():
        assert life.times_done <= 1
        for asking in life.askings:
            assert asking.until is not None
            assert asking.until - asking.since <= DEADLINE, (job_id, life.writes)
            if asking.state == "failed":
                assert REASON.fullmatch(asking.reason), asking.reason
        if rows[job_id]["state"]["S"] == "done":
            assert history.ids[_prompt_in_picture(soaked, job_id)] == job_id


def _prompt_in_picture(soaked: Deployment, job_id: str) -> str:
    """The picture of a job opens, and says what it was drawn for."""
    document = soaked.api.job(job_id).body
    assert document["status"] == "done"
    with Image.open(io.BytesIO(download(document["picture"]["url"]))) as picture:
        picture.load()
        return str(picture.info["prompt"])


def figures(
    soaked: Deployment, history: StreamedHistory, troubles: Troubles, asked: list[Asked]
) -> dict[str, Any]:
    lives = history.jobs.lives.values()
    askings = [asking for life in lives for asking in life.askings]
    waits = sorted((asking.until or history.now) - asking.since for asking in askings)
    ends = Counter(life.askings[-1].state for life in lives)
    unanswered = [one.prompt for one in asked if one.job_id is None]
    return {
        "requests": len(asked),
        "jobs": len(lives),
        "done": ends["done"],
        "failed": dict(Counter(asking.reason for asking in askings if asking.state == "failed")),
        "attempts": sum(len(life.begun) for life in lives),
        "attempts of a job": dict(sorted(Counter(len(life.begun) for life in lives).items())),
        "drawn": soaked.drawn().total(),
        "median s": round(waits[len(waits) // 2]),
        "99th percentile s": round(waits[int(len(waits) * 0.99)]),
        "longest s": round(waits[-1]),
        "deadline s": round(DEADLINE),
        "5xx answered": dict(refusals(asked)),
        "given up by the client; of these a job was there": (
            len(unanswered),
            sum(prompt in history.ids for prompt in unanswered),
        ),
        "dead letters": dict(troubles.letters),
        "came": dict(sorted(troubles.came.items())),
    }
