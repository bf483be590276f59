"""Workers die, notifications get lost, invocations come twice: every request still ends, and rightly."""

from __future__ import annotations

from collections import Counter

import pytest

from darkroom.demo.client import download
from tests.e2e.deployment import Deployment
from tests.eventually import eventually

pytestmark = pytest.mark.e2e


def test_two_hundred_requests_all_end_in_pictures_whatever_breaks_on_the_way(demo: Deployment) -> None:
    requests = [{"prompt": f"{number} red balloons", "steps": 1} for number in range(200)]
    demo.sandbox.inject(duplicate_invocations=True, drop_notifications=1)
    try:
        answers = demo.ask_at_once(requests)
        assert {answer.status for answer in answers} == {202}
        ids = {answer.body["id"] for answer in answers}
        assert len(ids) == 200
        eventually(lambda: len(demo.drawn().keys() & ids) >= 50, "fifty pictures", seconds=90, every=0.3)
        demo.sandbox.inject(kill_workers=1)
        ours = [job for job in demo.jobs() if job["job_id"]["S"] in ids]
        assert len(ours) == 200

        eventually(lambda: _open(demo, ids) == 0, "all 200 jobs terminal", seconds=240, every=0.3)
    finally:
        demo.sandbox.inject(duplicate_invocations=False, drop_notifications=0, kill_workers=0)

    assert not any(demo.sandbox.faults().values())
    jobs = [demo.api.job(job_id).body for job_id in sorted(ids)]
    assert Counter(job["status"] for job in jobs) == {"done": 200}
    assert all(download(job["picture"]["url"]).startswith(b"\x89PNG") for job in jobs)
    # The one whose worker was killed was not drawn then; nothing was drawn again after it was finished.
    drawn = {job_id: times for job_id, times in demo.drawn().items() if job_id in ids}
    assert drawn == dict.fromkeys(ids, 1)


def _open(demo: Deployment, ids: set[str]) -> int:
    """How many of the jobs are not terminal."""
    states = [job["state"]["S"] for job in demo.jobs() if job["job_id"]["S"] in ids]
    return sum(state not in {"done", "failed"} for state in states)
