"""What cdk destroy leaves: nothing, or what the campaign said to keep."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from darkroom.sandbox.cdk import Cdk
from darkroom.sandbox.process import SandboxProcess
from tests.e2e.campaign_file import write_campaign
from tests.e2e.deployment import Deployment
from tests.e2e.permissions import assert_all_used, roles_of

pytestmark = pytest.mark.e2e


def test_two_campaigns_side_by_side_are_destroyed_to_what_they_said_to_keep(tmp_path: Path) -> None:
    write_campaign(tmp_path, "spring", retention="keep", scaling={"metric": "published"})
    write_campaign(tmp_path, "autumn", notifications={"email": ["ops@example.com"]})
    with SandboxProcess(speed=20, instance_start_seconds=20) as sandbox:
        cdk = Cdk(sandbox, campaigns=tmp_path)
        cdk.bootstrap()
        cdk.deploy("spring/*", "autumn/*")
        spring, autumn = Deployment(sandbox, "spring"), Deployment(sandbox, "autumn")
        answers = {one.name: one.api.ask({"prompt": "cherry blossom"}) for one in (spring, autumn)}
        pictures = {
            one.name: one.api.wait(answers[one.name].body["id"], deadline_seconds=90)
            for one in (spring, autumn)
        }
        assert {one.body["status"] for one in pictures.values()} == {"done"}
        # One campaign's key opens no other campaign.
        assert spring.key != autumn.key

        cleanup = {
            role: grants for role, grants in roles_of(autumn, "data").items() if "BucketCleanup" in role
        }
        _darkroom(sandbox, "keys", "create", "autumn", "left-behind")
        cdk.destroy("autumn/*", campaign="autumn")
        assert_all_used(autumn, cleanup)
        assert {one["stack"] for one in sandbox.resources() if one["stack"]} == {
            "spring-data",
            "spring-inference",
            "spring-api",
            "spring-monitoring",
        }
        assert spring.api.ask({"prompt": "cherry blossom"}).body["cache"] == "hit"

        assert len(spring.jobs()) == 1
        cdk.destroy("spring/*", campaign="spring")
        assert Counter(one["type"] for one in sandbox.resources()) == {
            "AWS::S3::Bucket": 1,
            "AWS::DynamoDB::Table": 1,
            "AWS::KMS::Key": 1,
        }
        kept = [row["job_id"]["S"] for row in spring.jobs()]
        assert kept == [answers["spring"].body["id"]]
        assert sandbox.endpoints() == []
        processes = _children(sandbox.pid)
    assert processes == []
    assert not Path(f"/proc/{sandbox.pid}").exists()


def _darkroom(sandbox: SandboxProcess, *arguments: str) -> None:
    command = str(Path(sys.executable).with_name("darkroom"))
    subprocess.run([command, *arguments], env=sandbox.env(), check=True, timeout=60)


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
