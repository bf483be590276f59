"""Deploying again: nothing changes, or the endpoint rolls over to a new model without losing a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import SandboxProcess
from tests.e2e.bundle_in_s3 import publish, unpublish
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment

pytestmark = pytest.mark.e2e


def test_deploying_twice_changes_nothing_the_second_time(demo: Deployment) -> None:
    before = demo.sandbox.resources()
    printed = Cdk(demo.sandbox).deploy("demo/*", campaign="demo")
    assert printed.count("(no changes)") == 4
    assert demo.sandbox.resources() == before


def test_a_new_model_bundle_rolls_the_endpoint_over_and_loses_nothing(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    rolling = Deployment(sandbox, "rolling")
    cdk = Cdk(sandbox, campaigns=tmp_path)
    s3 = rolling.client("s3")
    s3.create_bucket(Bucket="rolling-models")
    for version in ("v1", "v2"):
        publish(s3, "rolling-models", f"models/{version}/")
    write_campaign(tmp_path, "rolling", model={"bundle": "s3://rolling-models/models/v1/"})
    cdk.deploy("rolling/*", campaign="rolling")
    before = _describe(rolling)
    on_the_way = rolling.ask_at_once([{"prompt": f"{number} kites", "steps": 8} for number in range(40)])

    write_campaign(tmp_path, "rolling", model={"bundle": "s3://rolling-models/models/v2/"})
    cdk.deploy("rolling/*", campaign="rolling")

    after = _describe(rolling)
    assert after["EndpointArn"] == before["EndpointArn"]
    assert after["CreationTime"] == before["CreationTime"]
    assert after["EndpointConfigName"] != before["EndpointConfigName"]
    assert after["EndpointStatus"] == "InService"
    configs = rolling.client("sagemaker").list_endpoint_configs(NameContains="rolling")["EndpointConfigs"]
    assert [config["EndpointConfigName"] for config in configs] == [after["EndpointConfigName"]]
    ended = [rolling.api.wait(answer.body["id"], deadline_seconds=90).body for answer in on_the_way]
    assert {job["status"] for job in ended} == {"done"}
    # The new model's pictures are others: what the old one drew is not served for it.
    again = rolling.api.ask({"prompt": "0 kites", "steps": 8})
    assert again.body["cache"] == "miss"
    assert again.body["id"] != on_the_way[0].body["id"]

    cdk.destroy("rolling/*", campaign="rolling")
    unpublish(s3, "rolling-models")
    assert [one for one in sandbox.resources() if "rolling" in f"{one['id']}{one['stack']}"] == []


def _describe(deployment: Deployment) -> dict[str, object]:
    endpoint: dict[str, object] = deployment.client("sagemaker").describe_endpoint(
        EndpointName=deployment.name
    )
    return endpoint
