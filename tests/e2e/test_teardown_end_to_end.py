"""What cdk destroy leaves, in every variant of a campaign: nothing, or what the campaign said to keep.

The campaigns stand side by side in one sandbox and are destroyed together while they draw. A kept one's next
deployment adopts what was kept.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from darkroom.api_access import ApiAccess
from darkroom.demo.client import ImageApi, download
from darkroom.operations.request_headers import request_headers
from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import REGION, SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.darkroom_command import darkroom
from tests.e2e.deployment import Deployment
from tests.e2e.permissions import assert_all_used, roles_of

pytestmark = pytest.mark.e2e

Left = dict[str, int]

KEPT: Left = {"AWS::S3::Bucket": 1, "AWS::DynamoDB::Table": 1, "AWS::KMS::Key": 1}
REALTIME = {
    "endpoint": {"mode": "realtime", "invocation_timeout": "60s"},
    "scaling": {"min_instances": 1, "metric": "invocations-per-instance"},
}

# A campaign's name, what it changes of the demo's file, and what is left of it.
VARIANTS: dict[str, tuple[dict[str, Any], Left]] = {
    "gone": ({"notifications": {"email": ["ops@example.com"]}}, {}),
    "kept": ({"retention": "keep"}, KEPT),
    "realtime": (REALTIME, {}),
    # Its callers sign their requests.
    "published": ({"scaling": {"metric": "published"}, "api": {"authorizer": "iam"}}, {}),
    "isolated": ({"network": "isolated"}, {}),
    "aware": ({"scaling": {"metric": "backlog-aware", "max_instances": 1}}, {}),
}
REQUEST = {"prompt": "cherry blossom", "seed": 7}


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("campaigns")
    for name, (changes, _) in VARIANTS.items():
        write_campaign(folder, name, **changes)
    return folder


@pytest.fixture(scope="module")
def crowded() -> Iterator[SandboxProcess]:
    with SandboxProcess(speed=20, instance_start_seconds=20) as process:
        yield process


@pytest.fixture(scope="module")
def first_picture(crowded: SandboxProcess, campaigns: Path) -> bytes:
    """Every variant is deployed, asked, and destroyed while it draws; the kept one's first picture."""
    cdk = Cdk(crowded, campaigns=campaigns)
    cdk.bootstrap()
    cdk.run(
        "deploy", "*/*", "--require-approval=never", "--concurrency=5", f"--context=campaigns={campaigns}"
    )
    deployments = [Deployment(crowded, name) for name in VARIANTS]
    kept, signed = (Deployment(crowded, name) for name in ("kept", "published"))
    with_keys = [one for one in deployments if one.name != signed.name]
    # One campaign's key opens no other campaign, nor does any key where callers sign.
    assert len({one.key for one in with_keys}) == len(with_keys)
    assert ImageApi(signed.url, kept.key).ask(REQUEST).status == 403
    assert _ask_signed(signed, "a wrong secret") == 403
    assert signed.jobs() == []
    assert _ask_signed(signed, "sandbox") == 202
    picture = _picture(kept)
    for deployment in with_keys:
        answers = deployment.ask_at_once([{"prompt": f"{number} plums", "steps": 8} for number in range(8)])
        assert {answer.status for answer in answers} == {202}
    made = darkroom(crowded, "keys", "create", "gone", "left-behind")
    assert made.returncode == 0, made.stderr
    gone = deployments[0]
    cleanup = {role: grants for role, grants in roles_of(gone, "data").items() if "BucketCleanup" in role}
    cdk.run("destroy", "*/*", "--force", "--concurrency=5", f"--context=campaigns={campaigns}")
    assert_all_used(gone, cleanup)
    return picture


def test_what_is_left_of_each_variant_is_what_it_said_to_keep(
    crowded: SandboxProcess, first_picture: bytes
) -> None:
    resources = crowded.resources()
    assert [one for one in resources if one["stack"]] == []
    expected = sum((Counter(left) for _, left in VARIANTS.values()), Counter[str]())
    assert Counter(one["type"] for one in resources) == expected
    for name, (_, left) in VARIANTS.items():
        # Keys have no campaign's name in theirs.
        named = Counter(one["type"] for one in resources if str(one["id"]).startswith(f"{name}-"))
        assert named == Counter({kind: count for kind, count in left.items() if kind != "AWS::KMS::Key"}), (
            name
        )


def test_nothing_runs_that_was_destroyed_while_it_drew(crowded: SandboxProcess, first_picture: bytes) -> None:
    assert crowded.endpoints() == []
    assert _children(crowded.pid) == []
    stacks = crowded.client("cloudformation").list_stacks()["StackSummaries"]
    assert {one["StackStatus"] for one in stacks if one["StackName"] != "CDKToolkit"} == {"DELETE_COMPLETE"}


def test_the_next_deployment_adopts_what_was_kept(
    crowded: SandboxProcess, campaigns: Path, first_picture: bytes
) -> None:
    before = {one["type"]: one["id"] for one in crowded.resources()}
    jobs = Deployment(crowded, "kept")
    jobs.jobs_table = str(before["AWS::DynamoDB::Table"])
    rows = len(jobs.jobs())
    assert rows == 9  # those that were not drawn, too

    adopted = darkroom(crowded, "adopt", "kept", f"--campaigns={campaigns}")
    assert adopted.returncode == 0, adopted.stderr
    for identifier in before.values():
        assert str(identifier) in adopted.stdout
    cdk = Cdk(crowded, campaigns=campaigns)
    cdk.deploy("kept/*", campaign="kept")

    kept = Deployment(crowded, "kept")
    assert kept.jobs_table == before["AWS::DynamoDB::Table"]
    assert kept.resource("data", "AWS::KMS::Key") == before["AWS::KMS::Key"]
    assert kept.output("data", "PicturesBucketName") == before["AWS::S3::Bucket"]
    again = kept.api.ask(REQUEST)
    assert (again.status, again.body["cache"]) == (200, "hit")
    assert download(again.body["picture"]["url"]) == first_picture
    # What was asked for and not drawn is drawn now: nothing is lost over it.
    undone = kept.api.ask({"prompt": "7 plums", "steps": 8})
    assert kept.api.wait(undone.body["id"], deadline_seconds=90).body["status"] == "done"

    # A deployed campaign adopts nothing, and one that keeps nothing leaves nothing.
    refused = darkroom(crowded, "adopt", "kept", f"--campaigns={campaigns}")
    assert refused.returncode == 1
    assert "the stack kept-data is there" in refused.stderr
    write_campaign(campaigns, "kept", retention="delete")
    cdk.deploy("kept/*", campaign="kept")
    cdk.destroy("kept/*", campaign="kept")
    assert crowded.resources() == []
    nothing = darkroom(crowded, "adopt", "kept", f"--campaigns={campaigns}")
    assert nothing.returncode == 1
    assert "kept anything here: just deploy it" in nothing.stderr


def _ask_signed(campaign: Deployment, secret: str) -> int:
    """Ask for a picture with the sandbox's own access key and a secret; the answer's status."""
    url, body = f"{campaign.url}/v1/images", b'{"prompt": "maple"}'
    session = boto3.Session("sandbox", secret, region_name=REGION)
    access = ApiAccess(campaign.url, None, "iam")
    headers = request_headers(access, "POST", url, body, session=session)
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def _picture(deployment: Deployment) -> bytes:
    answer = deployment.api.ask(REQUEST)
    done = deployment.api.wait(answer.body["id"], deadline_seconds=120)
    return download(done.body["picture"]["url"])


def _children(pid: int) -> list[str]:
    """The command lines of the sandbox's children that run models or functions."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            parent = next(line for line in status.read_text().splitlines() if line.startswith("PPid:"))
            if int(parent.split()[1]) == pid:
                found.append((status.parent / "cmdline").read_text().replace("\0", " "))
        except (OSError, StopIteration):
            continue
    return [line for line in found if "worker" in line or "awslambdaric" in line]
