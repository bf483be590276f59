"""However a sandbox ends, nothing of it is left."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from darkroom.sandbox import own_folder
from darkroom.sandbox.process import SandboxProcess

ROLE = "arn:aws:iam::123456789012:role/any"


def start_children(sandbox: SandboxProcess) -> list[psutil.Process]:
    """Invoke a function, so that the sandbox has an execution environment; its processes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("index.py", "def handler(event, context):\n    return event\n")
    sandbox.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")
    functions = sandbox.client("lambda")
    functions.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": archive.getvalue()},
    )
    assert functions.invoke(FunctionName="f", Payload=b"1")["Payload"].read() == b"1"
    children: list[psutil.Process] = psutil.Process(sandbox.pid).children(recursive=True)
    assert children
    return children


def wait_until_gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=15)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive if process.is_running())


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGTERM], [signal.SIGINT], [signal.SIGINT, signal.SIGINT, signal.SIGINT], [signal.SIGHUP]],
    ids=["SIGTERM", "Ctrl-C", "Ctrl-C three times", "closed terminal"],
)
def test_a_stopped_sandbox_ends_its_children_and_removes_its_state(signals: list[signal.Signals]) -> None:
    with SandboxProcess() as sandbox:
        children, state = start_children(sandbox), sandbox.log.parent / "state"
        assert any(state.iterdir())
        main = psutil.Process(sandbox.pid)
        for number in signals:
            os.kill(sandbox.pid, number)
            time.sleep(0.05)
        assert wait_until_gone([main, *children])
        assert not state.exists()


def test_not_even_sigkill_leaves_a_child(tmp_path: Path) -> None:
    with SandboxProcess() as sandbox:
        children = start_children(sandbox)
        os.kill(sandbox.pid, signal.SIGKILL)
        assert wait_until_gone(children)
    assert not sandbox.log.exists()


def test_the_environment_names_the_sandbox_and_nothing_of_the_user(
    local_aws: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    environment = local_aws.env()
    assert environment["AWS_ENDPOINT_URL"] == local_aws.url
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment


def test_the_next_sandbox_removes_what_a_killed_one_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    orphan = tmp_path / f"darkroom-sandbox-{int(killed.stdout)}-abc"
    orphan.mkdir()
    own = own_folder.make()
    own_folder.remove_orphans()
    assert not orphan.exists()
    assert own.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="psutil reads limits on Linux only")
def test_a_sandbox_takes_more_connections_than_the_customary_1024_files(local_aws: SandboxProcess) -> None:
    soft, hard = psutil.Process(local_aws.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft == min(hard, 65536) or soft > 65536
