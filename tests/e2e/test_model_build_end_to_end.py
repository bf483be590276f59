"""A campaign without a bundle: cdk deploy, one build, and the endpoint serves what it made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

from darkroom.building import BuildError, BuildRequest, follow_build, start_build
from darkroom.demo.client import download
from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import REGION, SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment
from tests.e2e.permissions import (
    ANY_KEY,
    NOT_EXERCISED,
    OWN_OUTPUT,
    assert_all_used,
    bury_events,
    roles_of,
    see_every_kind_of_end,
)
from tests.e2e.seldom_done import end_due_keys
from tests.eventually import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cdk, Deployment]]:
    """The demo without a bundle and with a build section, deployed."""
    campaigns = tmp_path_factory.mktemp("campaigns")
    write_campaign(
        campaigns, "fresh", model={"bundle": None}, build={"compiler": "cpu", "instance_type": "ml.m5.xlarge"}
    )
    with SandboxProcess(speed=20, instance_start_seconds=20) as sandbox:
        cdk = Cdk(sandbox, campaigns=campaigns)
        cdk.bootstrap()
        cdk.deploy("fresh/*", campaign="fresh")
        yield cdk, Deployment(sandbox, "fresh")


@pytest.fixture
def session(fresh: tuple[Cdk, Deployment], monkeypatch: pytest.MonkeyPatch) -> Any:
    """What `darkroom build` is told by the environment."""
    for name, value in fresh[1].sandbox.env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return boto3.Session(region_name=REGION)


def _pointer(deployment: Deployment) -> str:
    found = deployment.client("ssm").get_parameter(Name=f"/darkroom/{deployment.name}/bundle")
    return str(found["Parameter"]["Value"])


def _model_ids(deployment: Deployment) -> set[str]:
    functions = deployment.client("lambda").list_functions()["Functions"]
    variables = [one.get("Environment", {}).get("Variables", {}) for one in functions]
    of_campaign = [each for each in variables if each.get("CAMPAIGN") == deployment.name]
    return {each["MODEL_ID"] for each in of_campaign if "MODEL_ID" in each}


def _model_data(deployment: Deployment) -> str:
    """Where the model that the endpoint serves comes from."""
    sagemaker = deployment.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=deployment.name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    return str(model["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]["S3Uri"])


def test_builds_bring_the_endpoint_its_bundles_and_a_failing_one_changes_nothing(
    fresh: tuple[Cdk, Deployment], session: Any
) -> None:
    cdk, deployment = fresh
    assert _pointer(deployment) == "none"
    assert deployment.sandbox.endpoints() == []
    assert deployment.api.ask({"prompt": "too early"}).status == 503

    steps: list[str] = []
    first = follow_build(start_build("fresh", BuildRequest(), session), steps.append, session)

    assert len(steps) == 4
    assert _pointer(deployment) == first == _model_data(deployment)
    assert _model_ids(deployment) == {f"tiny-sdxl@{first}"}
    picture = _draw(deployment, "a kite")
    assert first.endswith(f"/bundles/{_manifest(deployment, first)['digest']}/")

    second = follow_build(start_build("fresh", BuildRequest(name="kites"), session), steps.append, session)

    assert second != first
    assert _pointer(deployment) == second == _model_data(deployment)
    assert _model_ids(deployment) == {f"tiny-sdxl@{second}"}
    # The same request is drawn anew, by the new bundle: it is another job.
    again = _draw(deployment, "a kite")
    assert again["id"] != picture["id"]

    source = "s3://nobody-has-this-bucket/weights/"
    failing = start_build("fresh", BuildRequest(source=source), session)
    with pytest.raises(BuildError, match="nobody-has-this-bucket"):
        follow_build(failing, steps.append, session)
    assert _pointer(deployment) == second == _model_data(deployment)
    told = [
        json.loads(one["message"]) for one in deployment.sandbox.notifications() if "Builds" in one["topic"]
    ]
    assert [one["status"] for one in told] == ["served", "served", "failed"]
    assert _draw(deployment, "another kite")["id"]

    roles = roles_of(deployment, "data", "inference", "api", "build")
    _stop_a_build(deployment, session)
    see_every_kind_of_end(deployment)
    end_due_keys(deployment)
    bury_events(deployment, "Completion", "Reconciliation", "ApiKeys")
    assert len(roles) == 9
    cdk.destroy("fresh/*", campaign="fresh")
    assert_all_used(deployment, roles, accepted=(ANY_KEY, OWN_OUTPUT, *NOT_EXERCISED))
    # SageMaker's own, one for all training jobs of an account; no stack can own it.
    assert [one["id"] for one in deployment.sandbox.resources()] == ["/aws/sagemaker/TrainingJobs"]
    assert deployment.sandbox.endpoints() == []


def _draw(deployment: Deployment, prompt: str) -> Mapping[str, Any]:
    asked = deployment.api.ask({"prompt": prompt})
    assert (asked.status, asked.body["cache"]) == (202, "miss")
    done = deployment.api.wait(asked.body["id"], deadline_seconds=90)
    assert download(done.body["picture"]["url"]).startswith(b"\x89PNG")
    return done.body


def _stop_a_build(deployment: Deployment, session: Any) -> None:
    """A build that is stopped takes its job with it."""
    states, sagemaker = deployment.client("stepfunctions"), deployment.client("sagemaker")
    before = len(sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"])
    execution = start_build("fresh", BuildRequest(), session)
    eventually(
        lambda: len(sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]) > before, seconds=60
    )
    arn = execution if isinstance(execution, str) else execution.execution_arn
    states.stop_execution(executionArn=arn)
    eventually(
        lambda: not sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"],
        seconds=60,
    )


def _manifest(deployment: Deployment, uri: str) -> dict[str, Any]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    found = deployment.client("s3").get_object(Bucket=bucket, Key=f"{prefix}bundle.json")
    manifest: dict[str, Any] = json.loads(found["Body"].read())
    return manifest
