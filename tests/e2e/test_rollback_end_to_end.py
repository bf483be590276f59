"""A bundle that should not serve is deployed while people ask: the old one is back, and nothing is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from darkroom.demo.client import Answer
from darkroom.sandbox.cdk import Cdk, CdkError
from darkroom.sandbox.process import SandboxProcess
from tests.e2e.bundle_in_s3 import Fault, publish, unpublish
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment

pytestmark = pytest.mark.e2e

BUCKET = "guarded-models"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("campaigns")


@pytest.fixture(scope="module")
def guarded(sandbox: SandboxProcess, folder: Path) -> Iterator[Deployment]:
    """A campaign that serves a good bundle, in the sandbox of the others."""
    deployment, cdk = Deployment(sandbox, "guarded"), Cdk(sandbox, campaigns=folder)
    s3 = deployment.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    publish(s3, BUCKET, "models/good/")
    write_campaign(folder, "guarded", model={"bundle": f"s3://{BUCKET}/models/good/"})
    cdk.deploy("guarded/*", campaign="guarded")
    yield deployment
    cdk.destroy("guarded/*", campaign="guarded")
    unpublish(s3, BUCKET)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("fails", "guarded-update-refusals-"),
        pytest.param("slow", "guarded-update-latency-", marks=pytest.mark.soak),
        pytest.param("does not load", "this bundle does not load", marks=pytest.mark.soak),
    ],
)
def test_a_bundle_that_should_not_serve_is_taken_back_under_load(
    guarded: Deployment, folder: Path, fault: Fault, reason: str
) -> None:
    prefix = f"models/{fault.replace(' ', '-')}/"
    publish(guarded.client("s3"), BUCKET, prefix, fault)
    before = _config(guarded)
    with _asking(guarded, fault) as answers:
        guarded.api.wait(answers[0].body["id"], deadline_seconds=90)  # an instance is up
        write_campaign(folder, "guarded", model={"bundle": f"s3://{BUCKET}/{prefix}"})
        with pytest.raises(CdkError, match=reason):
            Cdk(guarded.sandbox, campaigns=folder).deploy("guarded/*", campaign="guarded")

    assert _config(guarded) == before
    stacks = guarded.client("cloudformation").describe_stacks(StackName="guarded-inference")["Stacks"]
    assert stacks[0]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    # Nothing is lost: each is drawn, or says why not, and is drawn when it is asked for again.
    assert {answer.status for answer in answers} <= {200, 202}
    ended = [guarded.api.wait(answer.body["id"], deadline_seconds=120).body for answer in answers]
    failed = [job for job in ended if job["status"] == "failed"]
    assert all(job["reason"] for job in failed)
    print(f"{fault}: {Counter(job['status'] for job in ended)}")  # what a run of it is measured by
    again = guarded.api.ask({"prompt": "after all, a kite"})
    assert guarded.api.wait(again.body["id"], deadline_seconds=90).body["status"] == "done"
    for job in failed:
        asked = guarded.api.ask(_request(fault, [one.body["id"] for one in answers].index(job["id"])))
        assert asked.body["id"] == job["id"]
        assert guarded.api.wait(job["id"], deadline_seconds=90).body["status"] == "done"


def _config(deployment: Deployment) -> str:
    described = deployment.client("sagemaker").describe_endpoint(EndpointName=deployment.name)
    assert described["EndpointStatus"] == "InService"
    return str(described["EndpointConfigName"])


def _request(fault: Fault, number: int) -> dict[str, object]:
    return {"prompt": f"{number} kites", "negative_prompt": fault, "steps": 2}


@contextmanager
def _asking(deployment: Deployment, fault: Fault) -> Iterator[list[Answer]]:
    """Ask for another picture each second, for as long as the block lasts."""
    answers, stop = [deployment.api.ask(_request(fault, 0))], threading.Event()

    def ask() -> None:
        while not stop.wait(1):
            answers.append(deployment.api.ask(_request(fault, len(answers))))

    thread = threading.Thread(target=ask, name="asking")
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()
