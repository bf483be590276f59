"""An isolated campaign that builds: jobs, model and functions behind VPC endpoints, to a picture."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from darkroom.building import BuildRequest, follow_build, start_build
from darkroom.demo.client import download
from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import REGION, SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment
from tests.e2e.let_in import never_used, passing_endpoints
from tests.e2e.permissions import (
    ANY_KEY,
    NOT_EXERCISED,
    OWN_OUTPUT,
    Unused,
    assert_all_used,
    denied,
    roles_of,
    see_every_kind_of_end,
)

# Minutes for what its parts show by themselves: builds in test_model_build_end_to_end.py, the network in
# test_isolated_end_to_end.py.
pytestmark = [pytest.mark.e2e, pytest.mark.soak]

# A private network reaches no package index: the image has what the jobs need.
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/building:1"
PASSING = [Unused(one.action, "vpce-*", one.reason) for one in NOT_EXERCISED if one.action.startswith("s3:")]


def test_a_bundle_is_built_and_served_behind_vpc_endpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = {"compiler": "cpu", "instance_type": "ml.m5.xlarge", "image": IMAGE}
    write_campaign(tmp_path, "cloister", network="isolated", model={"bundle": None}, build=build)
    with SandboxProcess(speed=20, instance_start_seconds=20) as sandbox:
        cdk, deployment = Cdk(sandbox, campaigns=tmp_path), Deployment(sandbox, "cloister")
        for name, value in sandbox.env().items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        cdk.bootstrap()
        cdk.deploy("cloister/*", campaign="cloister")
        passing = passing_endpoints(deployment)
        roles = roles_of(deployment, "data", "inference", "api", "build")
        jobs = {
            role: grants
            for role, grants in roles.items()
            if "-build-Building" in role or "-build-Publishing" in role
        }
        assert len(jobs) == 2

        session = boto3.Session(region_name=REGION)
        served = follow_build(start_build("cloister", BuildRequest(), session), lambda _: None, session)

        assert served.startswith("s3://cloister-")
        asked = deployment.api.ask({"prompt": "a kite over a cloister"})
        done = deployment.api.wait(asked.body["id"], deadline_seconds=120)
        assert download(done.body["picture"]["url"]).startswith(b"\x89PNG")
        see_every_kind_of_end(deployment)
        assert_all_used(deployment, jobs, accepted=(ANY_KEY, OWN_OUTPUT, *NOT_EXERCISED))
        # What may not list the bucket is told of an object that is not there that it may not read it.
        unexpected = [one for one in denied(deployment, roles) if "PublishingRole" not in one]
        assert unexpected == []

        cdk.destroy("cloister/*", campaign="cloister")
        assert never_used(deployment, passing, accepted=PASSING) == []
        assert [one["id"] for one in sandbox.resources()] == ["/aws/sagemaker/TrainingJobs"]
