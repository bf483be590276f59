"""The kill switch on a deployed campaign: nothing runs while it is paused, and nothing is lost."""

from __future__ import annotations

import uuid

import boto3
import pytest

from darkroom.demo.client import Answer
from darkroom.operations.deployed_campaign import DeployedCampaign, find_campaign
from darkroom.operations.pausing import pause, resume
from tests.e2e.deployment import Deployment
from tests.eventually import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture
def campaign(demo: Deployment, monkeypatch: pytest.MonkeyPatch) -> DeployedCampaign:
    for name, value in demo.sandbox.env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return find_campaign("demo", boto3.Session())


def test_paused_at_once_it_goes_to_zero_keeps_its_queue_and_draws_each_request_once_afterwards(
    demo: Deployment, campaign: DeployedCampaign
) -> None:
    served = {"prompt": "a poster that is there already", "steps": 2}
    demo.api.wait(demo.api.ask(served).body["id"], deadline_seconds=90)
    # So many that a quick machine can't have drawn them all before the pause.
    answers = demo.ask_at_once([{"prompt": "kept for later", "seed": n} for n in range(30)])
    ids = [answer.body["id"] for answer in answers]

    said: list[str] = []
    left = pause(campaign, said.append, at_once=True)
    try:
        assert left.under_way + left.held >= 1, "with nothing left to draw this would show nothing"
        eventually(lambda: not demo.endpoint()["instances"], "zero instances", seconds=60)
        # What the functions read before the pause they go by for five seconds.
        refused = eventually(lambda: _refusal(demo), "a refusal", seconds=15, every=1)
        assert int(refused.headers["retry-after"]) > 0
        assert refused.body["status"] == 503
        assert (demo.api.ask(served).status, demo.api.ask(served).body["cache"]) == (200, "hit")
        waiting = [job_id for job_id in ids if demo.api.job(job_id).body["status"] == "queued"]
        assert waiting, "some wait in the queue of an endpoint without instances"
        assert not demo.endpoint()["instances"]
    finally:
        resume(campaign, said.append)

    for job_id in ids:
        assert demo.api.wait(job_id, deadline_seconds=180).body["status"] == "done"
    drawn = demo.drawn()
    assert {drawn[job_id] for job_id in ids} == {1}


def _refusal(demo: Deployment) -> Answer | None:
    """The answer to a request that nobody made before, if it is refused."""
    answer = demo.api.ask({"prompt": f"too late, {uuid.uuid4()}"})
    return answer if answer.status == 503 else None
