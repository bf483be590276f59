"""What the demo asks for, and what became of each request."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from darkroom.demo.client import ImageApi
from training.drawings import held_out_drawings

FIRST: Sequence[Mapping[str, Any]] = (
    {"prompt": "a red circle on a white background", "seed": 7},
    {"prompt": "a blue star on a black background", "seed": 7, "width": 160, "height": 96},
    {"prompt": "a green triangle on a grey background", "steps": 6},
    {"prompt": "水彩画: a small yellow square on a pink background", "negative_prompt": "a circle"},
    # The first again, while it is still being drawn: coalesced.
    {"prompt": "a red circle on a white background", "seed": 7},
)
CROWD: Mapping[str, Any] = {"prompt": "a large purple star on a white background"}
CROWD_SIZE = 12
# New ones while the instance is up: what utilization is made of. Training has seen none of them.
SURGE: Sequence[Mapping[str, Any]] = tuple(
    {"prompt": drawing.prompt, "seed": 1} for drawing in held_out_drawings()
)
AGAIN: Sequence[Mapping[str, Any]] = (FIRST[0], FIRST[1], CROWD)


class RefusedError(Exception):
    """The API answered a request with neither a picture nor a promise of one."""


@dataclass(frozen=True)
class Outcome:
    """One request and what became of it.

    Attributes:
        round: which part of the demo asked.
        prompt: what was asked for.
        job_id: the job's id, the same for the same request.
        cache: hit, coalesced or miss, as the API said.
        status: done or failed; before the wait, what the API said at once.
        asked_at: wall time of the request, seconds since the epoch.
        seconds: from the request to the picture, in wall seconds.
        picture_url: the link to the picture, when there is one.
    """

    round: str
    prompt: str
    job_id: str
    cache: str
    status: str
    asked_at: float
    seconds: float
    picture_url: str | None


def ask_all(api: ImageApi, round_name: str, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Post all requests at the same time; the outcomes as they stand at once, in the requests' order.

    Raises:
        RefusedError: the API refused one.
    """
    with ThreadPoolExecutor(max_workers=len(requests)) as pool:
        return list(pool.map(lambda request: _ask(api, round_name, request), requests))


def wait_for_pictures(
    api: ImageApi, outcomes: Sequence[Outcome], *, deadline_seconds: float
) -> list[Outcome]:
    """The same outcomes once their jobs have ended, each job asked about on its own thread."""
    with ThreadPoolExecutor(max_workers=len(outcomes)) as pool:
        return list(pool.map(lambda outcome: _wait(api, outcome, deadline_seconds), outcomes))


def _ask(api: ImageApi, round_name: str, request: Mapping[str, Any]) -> Outcome:
    asked_at = time.time()
    answer = api.ask(request)
    if answer.status not in {200, 202}:
        raise RefusedError(f"the API refused {request}: {answer.status} {dict(answer.body)}")
    return Outcome(
        round=round_name,
        prompt=str(request["prompt"]),
        job_id=answer.body["id"],
        cache=answer.body["cache"],
        status=answer.body["status"],
        asked_at=asked_at,
        seconds=time.time() - asked_at,
        picture_url=answer.body.get("picture", {}).get("url"),
    )


def _wait(api: ImageApi, outcome: Outcome, deadline_seconds: float) -> Outcome:
    if outcome.status == "done":
        return outcome
    body = api.wait(outcome.job_id, deadline_seconds=deadline_seconds).body
    return replace(
        outcome,
        status=body["status"],
        seconds=time.time() - outcome.asked_at,
        picture_url=body.get("picture", {}).get("url"),
    )
