"""The open-loop client against a service in this process, and its figures against the planner's own."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.operations.load.arrivals import Arrival, arrivals_of, first_seconds
from darkroom.operations.load.client import Asked, LoadRun
from darkroom.operations.load.measured import measured
from darkroom.operations.load.report import remarks
from darkroom.planner.traffic import Traffic

START = datetime(2026, 11, 16, tzinfo=UTC)


class Service:
    """The image API: a picture takes ``drawing`` seconds, by a clock that is ``skew`` seconds ahead."""

    def __init__(self, *, drawing: float = 0.2, skew: float = 0.0) -> None:
        self.drawing, self.skew = drawing, skew
        self.jobs: dict[str, float] = {}
        self.posted: list[float] = []
        self.looks = 0
        self.keys: set[str | None] = set()
        self.special: Callable[[str, int], httpx2.Response | None] = lambda _prompt, _number: None

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.keys.add(request.headers.get("x-api-key"))
        if request.method == "GET":
            self.looks += 1
            return httpx2.Response(200, json=self._document(request.url.path.rsplit("/", 1)[-1]))
        prompt = json.loads(request.content)["prompt"]
        self.posted.append(time.monotonic())
        if (special := self.special(prompt, len(self.posted))) is not None:
            return special
        name = f"{abs(hash(prompt)):032x}"
        cache = "miss" if name not in self.jobs else "coalesced"
        self.jobs.setdefault(name, time.time())
        document = self._document(name)
        if document["status"] == "done":
            return httpx2.Response(200, json={**document, "cache": "hit"})
        return httpx2.Response(202, json={**document, "cache": cache}, headers={"retry-after": "0.1"})

    def _document(self, name: str) -> dict[str, Any]:
        created = self.jobs[name]
        document = {"id": name, "status": "queued", "created_at": self._text(created)}
        if time.time() < created + self.drawing:
            return document
        return {**document, "status": "done", "completed_at": self._text(created + self.drawing)}

    def _text(self, moment: float) -> str:
        return datetime.fromtimestamp(moment + self.skew, UTC).isoformat(timespec="milliseconds")

    def load(self, prompts: list[str], every: float = 0.01, **settings: Any) -> list[Asked]:
        """Ask for ``prompts``, one each ``every`` seconds."""
        run = LoadRun(
            "http://api.test/live/",
            lambda _method, _url, _body: {"x-api-key": "k"},
            transport=httpx2.MockTransport(self),
            **{"looks_per_second": 200.0, "patience": 5.0, **settings},
        )
        arrivals = [
            Arrival(number * every, json.dumps({"prompt": prompt}).encode())
            for number, prompt in enumerate(prompts)
        ]
        return run.run(arrivals)


def figures(asked: list[Asked], seconds: float = 1.0, pace: float = 1.0) -> Any:
    return measured(asked, pace=pace, goal=0.25, seconds=seconds)


def test_it_asks_when_a_request_is_due_though_those_before_are_not_answered() -> None:
    service = Service(drawing=1.0)
    service.load([f"p{n}" for n in range(30)])
    assert service.posted[-1] - service.posted[0] < 0.8, "30 requests each 10 ms, each of a second"
    assert service.keys == {"k"}


def test_waits_are_those_of_the_service_however_seldom_it_is_looked_at_and_wherever_its_clock_stands() -> (
    None
):
    for skew, looks in ((0.0, 200.0), (3600.0, 5.0), (-3600.0, 200.0)):
        service = Service(drawing=0.3, skew=skew)
        found = figures(service.load(["a", "b", "c"], looks_per_second=looks))
        assert found.wait.p50 == pytest.approx(0.3, abs=0.1)
        assert found.drawn == 3
        assert not found.errors


def test_hits_coalesced_and_misses_are_told_apart_and_a_job_is_looked_at_once_for_all() -> None:
    service = Service(drawing=0.25)
    found = figures(service.load(["fox"] * 20 + ["owl"] * 5 + ["fox"] * 40))
    assert found.drawn == 2
    assert found.hits > 10
    assert found.coalesced > 10
    assert found.hits + found.coalesced + found.drawn == found.requests == 65
    assert service.looks <= 12


def test_it_looks_no_faster_than_it_may() -> None:
    service = Service(drawing=0.5)
    began = time.monotonic()
    service.load([f"p{n}" for n in range(50)], looks_per_second=40.0)
    assert service.looks <= 40 * (time.monotonic() - began) + 2


def test_a_client_that_falls_behind_has_its_delay_in_the_waits_and_says_so() -> None:
    """Coordinated omission: the requests that it sent late waited from when they were due."""
    service = Service(drawing=0.0)

    def stall(_prompt: str, number: int) -> None:
        if number == 5:
            time.sleep(0.6)  # in the client's own loop: it can do nothing else meanwhile

    service.special = stall
    found = figures(service.load([f"p{n}" for n in range(40)]))
    assert found.client_was_late
    assert found.wait.p95 > 0.3
    assert any("bottleneck" in line for line in remarks(found, 1.0))


def test_what_goes_wrong_is_counted_by_kind_and_counts_as_waited_too_long() -> None:
    service = Service(drawing=0.05)

    def trouble(prompt: str, _number: int) -> httpx2.Response | None:
        if prompt == "lost":
            raise httpx2.ConnectError("no way")
        return httpx2.Response(int(prompt)) if prompt.isdigit() else None

    service.special = trouble
    found = figures(service.load(["429", "429", "503", "lost", "fine"]))
    assert found.errors == {"answered 429": 2, "answered 503": 1, "no answer (ConnectError)": 1}
    assert found.over_goal == pytest.approx(4 / 5)
    assert found.drawn == 1


def test_a_picture_that_never_comes_is_waited_for_so_long_and_no_longer() -> None:
    service = Service(drawing=60.0)
    began = time.monotonic()
    found = figures(service.load(["never"], patience=0.5))
    assert time.monotonic() - began < 3
    assert found.errors == {"no picture when the run ended": 1}


def test_by_a_quick_clock_requests_come_quicker_and_waits_are_in_its_seconds() -> None:
    service = Service(drawing=0.2)
    asked = service.load(["a", "b", "c"], every=2.0, pace=20.0)
    assert asked[2].due == pytest.approx(0.2)
    assert figures(asked, seconds=6.0, pace=20.0).wait.p50 == pytest.approx(4.0, abs=1.5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1000)), min_size=1, max_size=50), st.floats(1, 50))
def test_percentiles_are_the_planners(requests: list[tuple[float, float]], pace: float) -> None:
    asked = [
        Asked(
            due / pace,
            sent=due / pace,
            answered=due / pace,
            status=202,
            cache="miss",
            ready=(due + wait) / pace,
        )
        for due, wait in requests
    ]
    found = measured(asked, pace=pace, goal=500.0, seconds=100.0)
    waits = np.array([wait for _, wait in requests])
    assert found.wait.p95 == pytest.approx(float(np.percentile(waits, 95)), abs=1e-6)
    assert found.wait.maximum == pytest.approx(float(waits.max()), abs=1e-6)
    assert found.drawn == len(requests)


def traffic(numbers: list[int]) -> Traffic:
    arrivals = np.arange(len(numbers), dtype=np.float64)
    return Traffic(START, float(len(numbers)), arrivals, np.array(numbers, dtype=np.int32))


@given(st.lists(st.integers(-1, 30), min_size=1, max_size=80))
def test_the_same_prompt_is_the_same_request_and_a_single_one_is_like_no_other(numbers: list[int]) -> None:
    bodies = [arrival.body for arrival in arrivals_of(traffic(numbers), "r")]
    expected = len(set(numbers) - {-1}) + numbers.count(-1)
    assert len(set(bodies)) == expected
    shared = Counter(number for number in numbers if number >= 0)
    assert sorted(shared.values()) == sorted(
        count for body, count in Counter(bodies).items() if b"number" in body
    )


def test_another_run_asks_for_other_pictures() -> None:
    one, other = (
        {each.body for each in arrivals_of(traffic([0, 1, -1]), run)} for run in ("first", "second")
    )
    assert not one & other


def test_only_the_beginning_of_a_profile_is_asked() -> None:
    assert len(first_seconds(traffic([0] * 10), 4.0)) == 4
    assert len(first_seconds(traffic([0] * 10), None)) == 10
