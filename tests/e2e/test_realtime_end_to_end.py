"""A realtime campaign: the same API; behind it a queue, a function that calls, and a fleet that follows."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from darkroom.demo.client import download
from darkroom.operations.deployed_campaign import find_campaign
from darkroom.operations.pausing import pause, resume
from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment
from tests.e2e.permissions import (
    ANY_KEY,
    NOT_EXERCISED,
    assert_all_used,
    bury_events,
    drawn,
    is_done,
    leave_open,
    roles_of,
    see_every_kind_of_end,
)
from tests.e2e.seldom_done import end_due_keys, update_the_endpoint
from tests.eventually import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("campaigns")
    endpoint = {"mode": "realtime", "invocation_timeout": "60s"}
    # By the sandbox's clock a picture takes two seconds, on a busy machine several. A fleet that expects
    # ten tracks 4.5 calls a minute, which an instance exceeds at any such speed.
    scaling = {
        "min_instances": 1,
        "max_instances": 2,
        "metric": "invocations-per-instance",
        "seconds_per_image": 10,
    }
    write_campaign(folder, "live", endpoint=endpoint, scaling=scaling)
    return folder


@pytest.fixture(scope="module")
def live(campaigns: Path) -> Iterator[Deployment]:
    """The demo as a realtime campaign, deployed to a sandbox of its own."""
    with SandboxProcess(speed=20, instance_start_seconds=20) as sandbox:
        cdk = Cdk(sandbox, campaigns=campaigns)
        cdk.bootstrap()
        cdk.deploy("live/*", campaign="live")
        yield Deployment(sandbox, "live")


def test_a_picture_is_asked_for_drawn_once_and_then_served_from_the_cache(live: Deployment) -> None:
    request = {"prompt": "a heron over a canal", "steps": 2}
    answers = live.ask_at_once([request] * 20)
    assert {answer.status for answer in answers} <= {200, 202}
    assert Counter(answer.body["cache"] for answer in answers)["miss"] == 1
    [job_id] = {answer.body["id"] for answer in answers}

    done = live.api.wait(job_id, deadline_seconds=90)
    picture = download(done.body["picture"]["url"])
    again = live.api.ask(request)

    assert picture.startswith(b"\x89PNG")
    assert b"a heron over a canal" in picture
    assert (again.status, again.body["cache"]) == (200, "hit")
    assert live.drawn()[job_id] == 1
    # The endpoint has no topics: what was published, if anything, is what alarms say of themselves.
    assert all("Operations" in one["topic"] for one in live.sandbox.notifications())


def test_a_bad_request_is_refused_and_nothing_is_written(live: Deployment) -> None:
    before = live.written()
    answer = live.api.ask({"prompt": "p", "steps": 1000})
    assert answer.status == 400
    assert answer.body["detail"]
    assert live.written() == before


def test_a_worker_that_dies_over_a_picture_costs_an_attempt_and_no_picture(live: Deployment) -> None:
    live.sandbox.inject(kill_workers=1)
    job_id = live.api.ask({"prompt": "a lantern that nearly went out"}).body["id"]
    done = live.api.wait(job_id, deadline_seconds=90)
    assert done.body["status"] == "done"
    assert live.sandbox.faults()["kill_workers"] == 0
    attempts = [name for name in live.endpoint()["by_inference_id"] if name.startswith(job_id)]
    assert attempts == [f"{job_id}.2"], "the first attempt brought none"


def test_a_pause_keeps_the_queue_and_the_one_instance_that_a_realtime_endpoint_has(
    live: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in live.sandbox.env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    campaign = find_campaign(live.name, boto3.Session())
    said: list[str] = []
    answers = live.ask_at_once([{"prompt": f"{n} boats in the ice"} for n in range(30)])
    ids = [answer.body["id"] for answer in answers]
    pause(campaign, said.append, at_once=True)
    try:
        kept = [job_id for job_id in ids if live.api.job(job_id).body["status"] == "queued"]
        assert kept
        mapping = live.client("lambda").get_event_source_mapping(UUID=campaign.drawings_mapping)
        assert mapping["State"] == "Disabled"
        assert len(live.endpoint()["instances"]) == 1
    finally:
        resume(campaign, said.append)
    assert (
        live.client("lambda").get_event_source_mapping(UUID=campaign.drawings_mapping)["State"] == "Enabled"
    )
    for job_id in ids:
        assert live.api.wait(job_id, deadline_seconds=180).body["status"] == "done"
    assert {live.drawn()[job_id] for job_id in ids} == {1}


def test_load_brings_an_instance_and_every_request_ends_in_a_picture(live: Deployment) -> None:
    ids: set[str] = set()

    def ask(count: int) -> None:
        answers = live.ask_at_once([{"prompt": f"{len(ids) + more} paper boats"} for more in range(count)])
        assert {answer.status for answer in answers} == {202}
        ids.update(answer.body["id"] for answer in answers)

    def there_are_two() -> bool:
        # The policy wants three whole minutes in a row above its target: nine seconds of the wall's clock.
        ask(4)
        return bool(max(count for _, count in live.endpoint()["history"]) == 2)

    def is_drawn() -> bool:
        return not any(live.api.job(job_id).body["status"] == "queued" for job_id in ids)

    ask(60)
    eventually(there_are_two, "a second instance", seconds=120, every=1)
    eventually(is_drawn, "all jobs terminal", seconds=180, every=1)
    drawn = {job_id: times for job_id, times in live.drawn().items() if job_id in ids}
    assert drawn == dict.fromkeys(ids, 1)
    name = f"{live.name}-invocations"
    policies = live.client("application-autoscaling").describe_scaling_policies(ServiceNamespace="sagemaker")
    assert [policy["PolicyName"] for policy in policies["ScalingPolicies"]] == [name]


def _have_a_note_come_again(live: Deployment) -> None:
    """A note of an attempt that somebody else seems to draw, who dies over it."""
    job_id = drawn(live, "a ferry that comes twice")
    leave_open(live, job_id, state="submitted", attempt=2, seconds_ago=0, drawing_until=time.time() + 3)
    queue = live.client("sqs").list_queues(QueueNamePrefix=f"{live.name}-api-Drawings")["QueueUrls"][0]
    note = json.dumps({"job_id": job_id, "attempt": 2})
    live.client("sqs").send_message(QueueUrl=queue, MessageBody=note)
    is_done(live, job_id)


def test_every_permission_is_used_and_destroy_leaves_nothing(live: Deployment, campaigns: Path) -> None:
    roles = roles_of(live, "data", "inference", "api", "monitoring")
    see_every_kind_of_end(live)
    _have_a_note_come_again(live)
    end_due_keys(live)
    update_the_endpoint(live)
    bury_events(live, "Reconciliation", "ApiKeys")
    Cdk(live.sandbox, campaigns=campaigns).destroy("live/*", campaign="live")
    assert_all_used(live, roles, accepted=(ANY_KEY, *NOT_EXERCISED))
    assert live.sandbox.resources() == []
    assert live.sandbox.endpoints() == []
