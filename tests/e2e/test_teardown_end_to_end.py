"""What cdk destroy leaves: nothing, or what the campaign said to keep."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import boto3
import pytest

from darkroom.demo.client import ImageApi
from darkroom.deployed import ApiAccess
from darkroom.operations.request_headers import request_headers
from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import REGION, SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment

pytestmark = pytest.mark.e2e


def test_two_campaigns_side_by_side_are_destroyed_to_what_they_said_to_keep(tmp_path: Path) -> None:
    write_campaign(tmp_path, "spring", retention="keep", scaling={"metric": "published"})
    write_campaign(
        tmp_path, "autumn", notifications={"email": ["ops@example.com"]}, api={"authorizer": "iam"}
    )
    with SandboxProcess(speed=20, instance_start_seconds=20) as sandbox:
        cdk = Cdk(sandbox, campaigns=tmp_path)
        cdk.bootstrap()
        cdk.deploy("spring/*", "autumn/*")
        spring, autumn = Deployment(sandbox, "spring"), Deployment(sandbox, "autumn")
        asked = spring.api.ask({"prompt": "cherry blossom"})
        assert spring.api.wait(asked.body["id"], deadline_seconds=90).body["status"] == "done"

        # One campaign's key opens no other campaign, nor does any key where callers sign.
        assert ImageApi(autumn.url, spring.key).ask({"prompt": "maple"}).status == 403
        assert _ask_signed(autumn, "a wrong secret") == 403
        assert autumn.jobs() == []
        assert _ask_signed(autumn, "sandbox") == 202
        assert len(autumn.jobs()) == 1

        made = _darkroom(sandbox, "keys", "create", "spring", "shop")
        assert ImageApi(spring.url, made).ask({"prompt": "cherry blossom"}).body["cache"] == "hit"
        rotated = _darkroom(sandbox, "keys", "rotate", "spring", "shop", "--grace", "0s")
        assert ImageApi(spring.url, made).ask({"prompt": "cherry blossom"}).status == 403
        assert ImageApi(spring.url, rotated).ask({"prompt": "cherry blossom"}).body["cache"] == "hit"
        assert "shop" in _darkroom(sandbox, "keys", "list", "spring")

        cdk.destroy("autumn/*", campaign="autumn")
        assert {one["stack"] for one in sandbox.resources() if one["stack"]} == {
            "spring-data",
            "spring-inference",
            "spring-api",
            "spring-monitoring",
        }
        assert spring.api.ask({"prompt": "cherry blossom"}).body["cache"] == "hit"

        assert len(spring.jobs()) == 1
        # With the key shop still there.
        cdk.destroy("spring/*", campaign="spring")
        assert Counter(one["type"] for one in sandbox.resources()) == {
            "AWS::S3::Bucket": 1,
            "AWS::DynamoDB::Table": 1,
            "AWS::KMS::Key": 1,
        }
        kept = [row["job_id"]["S"] for row in spring.jobs()]
        assert kept == [asked.body["id"]]
        assert sandbox.endpoints() == []
        processes = _children(sandbox.pid)
    assert processes == []
    assert not Path(f"/proc/{sandbox.pid}").exists()


def _darkroom(sandbox: SandboxProcess, *arguments: str) -> str:
    """Run the command; what it printed on stdout."""
    command = str(Path(sys.executable).with_name("darkroom"))
    done = subprocess.run(
        [command, *arguments], env=sandbox.env(), check=True, timeout=60, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


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
