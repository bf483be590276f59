"""A sandbox in a process of its own, for the demo and for tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import boto3

from darkroom.sandbox import own_folder
from darkroom.sandbox.processes import Processes

REGION = "us-east-1"
_REPOSITORY = Path(__file__).parents[2]
_START_SECONDS, _STOP_SECONDS = 60.0, 20.0


class SandboxError(Exception):
    """The sandbox did not start, or refused a call; the text says why."""


class SandboxProcess:
    """``python -m darkroom.sandbox`` on a free port, up inside the ``with`` block::

        with SandboxProcess(speed=60) as sandbox:
            sandbox.client("s3").list_buckets()

    Args:
        speed: sandbox seconds a wall second.
        instance_start_seconds: sandbox seconds until a new instance is there to load the model.
        verbose: log what functions and model workers print.

    Attributes:
        port, url: where the local AWS is.
        log: the file with what the process printed, readable until the block ends.
    """

    def __init__(
        self, *, speed: float = 1.0, instance_start_seconds: float = 60.0, verbose: bool = False
    ) -> None:
        self._folder = own_folder.make()
        self._options = [
            f"--speed={speed}",
            f"--instance-start-seconds={instance_start_seconds}",
            *(["--verbose"] if verbose else []),
        ]
        self._processes = Processes()
        self._child: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = self._folder / "sandbox.log"
        self._clients: dict[str, Any] = {}
        self._clients_lock = threading.Lock()

    def __enter__(self) -> Self:
        state = self._folder / "state"
        state.mkdir()
        argv = [sys.executable, "-m", "darkroom.sandbox", f"--port={self.port}", f"--state={state}"]
        try:
            with self.log.open("wb") as log:
                self._child = self._processes.spawn(
                    [*argv, *self._options],
                    env=_without_aws(os.environ.copy()),
                    cwd=_REPOSITORY,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            self._wait_until_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The sandbox's process id."""
        if self._child is None:
            raise SandboxError("the sandbox is not started: use it in a with block")
        return self._child.pid

    def env(self) -> dict[str, str]:
        """The environment in which the CDK CLI, the AWS CLI and SDKs talk to this sandbox alone."""
        return {
            **_without_aws(os.environ.copy()),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            # The instance metadata service is no place to look for credentials here.
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """The boto3 client of this sandbox for ``service``, whatever AWS the environment points to."""
        with self._clients_lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(
                    service,
                    endpoint_url=self.url,
                    region_name=REGION,
                    aws_access_key_id="sandbox",
                    aws_secret_access_key="sandbox",  # noqa: S106 - the sandbox checks no secret
                )
            return self._clients[service]

    def clock(self) -> dict[str, float]:
        """``now`` in sandbox seconds since the epoch, and ``speed``."""
        answer: dict[str, float] = self._admin("GET", "clock")
        return answer

    def set_speed(self, speed: float) -> None:
        """Let the clock run at ``speed`` sandbox seconds a wall second from now on."""
        self._admin("PUT", "clock", {"speed": speed})

    def faults(self) -> dict[str, Any]:
        """The faults still to come."""
        answer: dict[str, Any] = self._admin("GET", "faults")
        return answer

    def inject(self, **faults: Any) -> None:
        """Order faults, such as ``kill_workers=1``; see :class:`darkroom.sandbox.faults.Faults`."""
        self._admin("PUT", "faults", faults)

    def endpoints(self) -> list[dict[str, Any]]:
        """Every endpoint: instances, backlog, history, inferences."""
        answer: list[dict[str, Any]] = self._admin("GET", "endpoints")
        return answer

    def moderation(self) -> dict[str, Any]:
        """What Rekognition's stand-in ``sees``, and what it ``looked_at``."""
        answer: dict[str, Any] = self._admin("GET", "moderation")
        return answer

    def see(self, *rules: Mapping[str, Any]) -> None:
        """Have Rekognition's stand-in see ``labels`` where a ``colour`` is, and forget what it saw before."""
        self._admin("PUT", "moderation", {"sees": list(rules)})

    def notifications(self) -> list[dict[str, Any]]:
        """Everything published to SNS: ``time``, ``topic``, ``message``."""
        answer: list[dict[str, Any]] = self._admin("GET", "notifications")
        return answer

    def permissions(self) -> list[dict[str, Any]]:
        """What roles did, by the grants that allowed it, and what they were denied."""
        answer: list[dict[str, Any]] = self._admin("GET", "permissions")
        return answer

    def resources(self) -> list[dict[str, Any]]:
        """What exists, the CDK bootstrap left out: ``type``, ``id``, ``stack``."""
        answer: list[dict[str, Any]] = self._admin("GET", "resources")
        return answer

    def stop(self) -> None:
        """End the process and all that it started, and remove its folder."""
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._processes.kill(self._child)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_until_up(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self._child is not None and self._child.poll() is not None:
                break
            try:
                self._admin("GET", "health")
            except (OSError, SandboxError):
                time.sleep(0.05)
            else:
                return
        raise SandboxError(f"the sandbox did not start:\n{self.log.read_text()[-4000:]}")

    def _admin(self, method: str, name: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_darkroom/{name}", data, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise SandboxError(f"{method} {name}: {error.code} {error.read().decode()}") from None


def _without_aws(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
