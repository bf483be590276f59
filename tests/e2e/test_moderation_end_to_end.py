"""A campaign that moderates: what it refuses is not drawn or not shown, and leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkroom.demo.client import download
from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.darkroom_command import darkroom
from tests.e2e.deployment import Deployment
from tests.e2e.permissions import (
    ANY_KEY,
    NOT_EXERCISED,
    assert_all_used,
    bury_events,
    leave_open,
    roles_of,
    see_every_kind_of_end,
    unexpectedly_denied,
)
from tests.e2e.seldom_done import end_due_keys, update_the_endpoint
from tests.eventually import eventually

pytestmark = pytest.mark.e2e

RED = [220, 30, 30]
WHITE = [255, 255, 255]
VIOLENCE = {"Name": "Violence", "ParentName": "", "TaxonomyLevel": 1, "Confidence": 97.0}
UNFIT = {"prompt": "a red square on a white background", "steps": 8}
FIT = {"prompt": "a blue square on a white background", "steps": 8}


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("campaigns")


@pytest.fixture(scope="module")
def guarded(sandbox: SandboxProcess, campaigns: Path) -> Iterator[Deployment]:
    """The demo with words, a guardrail and pictures that are looked at."""
    bedrock = sandbox.client("bedrock")
    guardrail = bedrock.create_guardrail(
        name="guarded",
        blockedInputMessaging="No.",
        blockedOutputsMessaging="No.",
        wordPolicyConfig={"wordsConfig": [{"text": "election"}]},
    )["guardrailId"]
    version = bedrock.create_guardrail_version(guardrailIdentifier=guardrail)["version"]
    moderation = {
        "blocked_words": ["rival cola"],
        "guardrail": {"id": guardrail, "version": version},
        "pictures": {"minimum_confidence": 90, "labels": ["Violence"]},
    }
    write_campaign(campaigns, "guarded", moderation=moderation)
    sandbox.see({"colour": RED, "labels": [VIOLENCE]})
    Cdk(sandbox, campaigns=campaigns).deploy("guarded/*", campaign="guarded")
    yield Deployment(sandbox, "guarded")
    sandbox.see()
    bedrock.delete_guardrail(guardrailIdentifier=guardrail)


def counted(deployment: Deployment, name: str) -> float:
    """The sum of a metric of the campaign's."""
    now = datetime.fromtimestamp(deployment.sandbox.clock()["now"], UTC)
    points = deployment.client("cloudwatch").get_metric_statistics(
        Namespace="ImageGenAPI",
        MetricName=name,
        Dimensions=[
            {"Name": "service", "Value": "ImageGenerator"},
            {"Name": "campaign", "Value": deployment.name},
        ],
        StartTime=now - timedelta(days=1),
        EndTime=now + timedelta(hours=1),
        Period=86400,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


@pytest.mark.parametrize("prompt", ["a R\u00cdVAL-c0la can", "a poster of an Election"])
def test_a_refused_prompt_is_422_and_nothing_is_written(guarded: Deployment, prompt: str) -> None:
    before = guarded.written()
    answer = guarded.api.ask({"prompt": prompt})
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["type"] == "urn:darkroom:problem:prompt-refused"
    assert guarded.written() == before


def test_a_guardrail_that_is_down_is_503_and_nothing_is_drawn_unlooked(guarded: Deployment) -> None:
    guarded.sandbox.inject(fail_guardrails=2)  # the function asks twice
    before = guarded.written()
    answer = guarded.api.ask(FIT)
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert guarded.sandbox.faults()["fail_guardrails"] == 0
    assert guarded.written() == before


def test_a_fit_picture_is_served_though_rekognition_throttles(guarded: Deployment) -> None:
    guarded.sandbox.inject(throttle_rekognition=1)
    done = guarded.api.wait(guarded.api.ask(FIT).body["id"], deadline_seconds=120)
    assert done.body["status"] == "done"
    assert download(done.body["picture"]["url"]).startswith(b"\x89PNG")
    assert guarded.sandbox.faults()["throttle_rekognition"] == 0


def test_an_unfit_picture_is_deleted_told_of_and_not_drawn_again(guarded: Deployment) -> None:
    _, objects = guarded.written()
    job_id = guarded.api.ask(UNFIT).body["id"]
    ended = guarded.api.wait(job_id, deadline_seconds=120)
    assert (ended.body["status"], ended.body["reason"]) == ("failed", "Moderation refused the picture.")
    assert "picture" not in ended.body
    assert guarded.written()[1] == objects + 1, "its payload, which holds the prompt alone"

    again = guarded.api.ask(UNFIT)
    assert (again.status, again.body["type"]) == (422, "urn:darkroom:problem:picture-refused")
    assert guarded.drawn()[job_id] == 1


def test_what_was_refused_is_counted(guarded: Deployment) -> None:
    eventually(lambda: counted(guarded, "PicturesRefused") == 1, "one picture refused", every=0.5)
    eventually(lambda: counted(guarded, "PromptsRefused") == 3, "three requests answered 422", every=0.5)
    assert counted(guarded, "JobsFailed") == 0


def test_what_rekognition_saw_is_in_the_costs(guarded: Deployment) -> None:
    told = darkroom(guarded.sandbox, "costs", "guarded", "--no-bill", "--json")
    assert told.returncode == 0, told.stderr
    seen = {line["name"]: line["quantity"] for line in json.loads(told.stdout)["lines"]}
    assert seen["moderated_picture"] >= 2  # the one that was shown and the one that was not


def test_every_permission_of_every_role_is_used(guarded: Deployment) -> None:
    roles = roles_of(guarded, "data", "inference", "api", "monitoring")
    roles = {role: grants for role, grants in roles.items() if "BucketCleanup" not in role}
    see_every_kind_of_end(guarded)
    # A picture of which nobody was told, and which reconciliation finds to be unfit.
    asked = guarded.api.ask({"prompt": "a green circle on a white background", "steps": 8})
    job_id = asked.body["id"]
    assert guarded.api.wait(job_id, deadline_seconds=90).body["status"] == "done"
    guarded.sandbox.see({"colour": WHITE, "labels": [VIOLENCE]})
    leave_open(guarded, job_id, state="submitted")
    eventually(lambda: guarded.api.job(job_id).body["status"] == "failed", "refused", seconds=60, every=0.3)
    guarded.sandbox.see({"colour": RED, "labels": [VIOLENCE]})
    end_due_keys(guarded)
    update_the_endpoint(guarded)
    bury_events(guarded, "Completion", "Reconciliation", "ApiKeys")
    assert_all_used(guarded, roles, accepted=(ANY_KEY, *NOT_EXERCISED))
    assert unexpectedly_denied(guarded, roles) == []


def test_its_layer_goes_with_it(guarded: Deployment, campaigns: Path) -> None:
    Cdk(guarded.sandbox, campaigns=campaigns).destroy("guarded/*", campaign="guarded")
    assert not [one for one in guarded.sandbox.resources() if (one["stack"] or "").startswith("guarded")]
