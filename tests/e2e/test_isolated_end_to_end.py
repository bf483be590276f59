"""An isolated campaign: everything works in private subnets, and what has no endpoint can't be reached."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from darkroom.demo.client import download
from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment
from tests.e2e.let_in import Permitted, never_used, passing_endpoints
from tests.e2e.permissions import (
    ANY_KEY,
    FLOW_LOG,
    NOT_EXERCISED,
    SHARED_INTERFACES,
    Unused,
    assert_all_used,
    bury_events,
    done_by,
    roles_of,
    see_every_kind_of_end,
    unexpectedly_denied,
)
from tests.e2e.seldom_done import end_due_keys, update_the_endpoint

pytestmark = pytest.mark.e2e

# The endpoints are in use from the first stack to the last; what never passes them, each with its reason.
PASSING = [Unused(one.action, "vpce-*", one.reason) for one in NOT_EXERCISED if one.action.startswith("s3:")]


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("campaigns")
    write_campaign(folder, "walled", network="isolated")
    return folder


@pytest.fixture(scope="module")
def walled(campaigns: Path) -> Iterator[Deployment]:
    with SandboxProcess(speed=20, instance_start_seconds=20) as sandbox:
        cdk = Cdk(sandbox, campaigns=campaigns)
        cdk.bootstrap()
        cdk.deploy("walled/*", campaign="walled")
        yield Deployment(sandbox, "walled")


@pytest.fixture(scope="module")
def passing(walled: Deployment) -> set[Permitted]:
    """What its VPC endpoints let pass, while all of them are there."""
    return passing_endpoints(walled)


def endpoints(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The VPC endpoints that work, by the service that each is for."""
    found = deployment.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    return {
        one["ServiceName"].removeprefix("com.amazonaws.us-east-1."): one
        for one in found
        if one["State"] == "available"
    }


def test_a_picture_is_drawn_with_no_more_endpoints_than_it_takes(
    walled: Deployment, passing: set[Permitted]
) -> None:
    assert len({one.policy for one in passing}) == len(endpoints(walled))
    answer = walled.api.ask({"prompt": "a lighthouse behind a wall"})
    assert answer.status == 202
    done = walled.api.wait(answer.body["id"], deadline_seconds=90)
    assert done.body["status"] == "done"
    # A link made inside the network is for somebody outside of it.
    assert download(done.body["picture"]["url"]).startswith(b"\x89PNG")
    assert walled.api.ask({"prompt": "a lighthouse behind a wall"}).body["cache"] == "hit"
    assert endpoints(walled).keys() == {"s3", "dynamodb", "sagemaker.runtime"}


def test_every_permission_of_every_role_is_used(walled: Deployment) -> None:
    roles = roles_of(walled, "data", "inference", "api", "monitoring")
    roles = {role: grants for role, grants in roles.items() if "BucketCleanup" not in role}
    see_every_kind_of_end(walled)
    end_due_keys(walled)
    update_the_endpoint(walled)
    bury_events(walled, "Completion", "Reconciliation", "ApiKeys")
    assert_all_used(walled, roles, accepted=(ANY_KEY, FLOW_LOG, *SHARED_INTERFACES, *NOT_EXERCISED))
    assert any("-data-" in role or "-api-" in role for role in done_by(walled, "ec2:CreateNetworkInterface"))
    assert unexpectedly_denied(walled, roles) == []


def test_every_function_but_the_keys_and_the_model_are_in_the_private_subnets(walled: Deployment) -> None:
    ec2 = walled.client("ec2")
    subnets = {
        one["SubnetId"] for one in ec2.describe_subnets()["Subnets"] if not one.get("DefaultForAz", False)
    }
    assert len(subnets) == 2
    functions = {one["Handler"]: one for one in walled.client("lambda").list_functions()["Functions"]}
    # It ends API keys by API Gateway's control plane, and sees nothing that the campaign holds.
    assert not functions.pop("api_keys.handler.handler").get("VpcConfig", {}).get("SubnetIds")
    assert len(functions) == 4
    assert {frozenset(one["VpcConfig"]["SubnetIds"]) for one in functions.values()} == {frozenset(subnets)}
    models = walled.client("sagemaker").list_models()["Models"]
    described = [walled.client("sagemaker").describe_model(ModelName=one["ModelName"]) for one in models]
    assert [set(one["VpcConfig"]["Subnets"]) for one in described] == [subnets]
    assert [one["EnableNetworkIsolation"] for one in described] == [True]


def test_a_role_s_permissions_on_network_interfaces_are_no_use_to_the_function_s_own_code(
    walled: Deployment,
) -> None:
    iam = walled.client("iam")
    roles = [one["RoleName"] for one in iam.list_roles()["Roles"] if "FrontRole" in one["RoleName"]]
    (policy,) = (iam.get_role_policy(RoleName=one, PolicyName="Own")["PolicyDocument"] for one in roles)
    (attaching,) = (one for one in policy["Statement"] if any("ec2:" in action for action in one["Action"]))
    assert attaching["Condition"] == {"Null": {"lambda:SourceFunctionArn": "true"}}


def test_a_picture_waits_when_the_endpoint_of_sagemaker_s_runtime_is_taken_away(walled: Deployment) -> None:
    ec2, taken = walled.client("ec2"), endpoints(walled)["sagemaker.runtime"]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[taken["VpcEndpointId"]])
    drawn = walled.drawn().total()
    answer = walled.api.ask({"prompt": "a lighthouse that nobody can reach"})
    # Whether a request that got no answer arrived, nobody knows: reconciliation finds out.
    assert answer.status == 202
    time.sleep(2)
    assert walled.api.job(answer.body["id"]).body["status"] == "queued"
    assert walled.drawn().total() == drawn


def test_without_the_job_table_s_endpoint_the_api_says_that_it_can_t(walled: Deployment) -> None:
    table = endpoints(walled)["dynamodb"]["VpcEndpointId"]
    walled.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[table])
    assert walled.api.ask({"prompt": "a lighthouse behind a wall"}).status == 503


def test_destroy_leaves_nothing(walled: Deployment, campaigns: Path, passing: set[Permitted]) -> None:
    before = Counter(one["type"] for one in walled.sandbox.resources())
    # Two for the functions: one a subnet, shared by all four.
    assert before["AWS::EC2::NetworkInterface"] == 2
    cleanup = {role: grants for role, grants in roles_of(walled, "data").items() if "BucketCleanup" in role}
    assert len(cleanup) == 1
    Cdk(walled.sandbox, campaigns=campaigns).destroy("walled/*", campaign="walled")
    assert_all_used(walled, cleanup, accepted=(*SHARED_INTERFACES, *NOT_EXERCISED))
    assert any("-data-" in role or "-api-" in role for role in done_by(walled, "ec2:DeleteNetworkInterface"))
    # And nothing may pass an endpoint that never does.
    assert never_used(walled, passing, accepted=PASSING) == []
    assert walled.sandbox.resources() == []
    assert walled.sandbox.endpoints() == []
