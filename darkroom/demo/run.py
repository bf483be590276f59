"""The demo itself: sandbox up, deploy, ask, watch, destroy, and say what held."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from darkroom.api_access import api_access
from darkroom.demo import image_requests, metrics, report, tables
from darkroom.demo.checks import Run, check
from darkroom.demo.client import ImageApi, download
from darkroom.demo.image_requests import Outcome, RefusedError
from darkroom.demo.notifications import Subscription
from darkroom.demo.steps import Steps
from darkroom.deployed import NotDeployedError, stack_outputs
from darkroom.sandbox.cdk import Cdk, CdkError
from darkroom.sandbox.process import SandboxError, SandboxProcess

CAMPAIGN = "demo"
STACKS = f"{CAMPAIGN}/*"

# Sandbox seconds a wall second. While pictures are drawn: slow enough that a picture does not take
# minutes of the policies' time. While nothing happens: fast, for going to zero takes 15 quiet minutes.
DRAWING_SPEED, WAITING_SPEED = 20.0, 120.0
INSTANCE_START_SECONDS = 60.0
ZERO_DEADLINE_SECONDS, PICTURES_DEADLINE_SECONDS = 90.0, 120.0


class DemoError(Exception):
    """The demo could not go on; the text says at what, and what was printed."""


def run_demo(folder: Path, console: Console) -> bool:
    """Run the demo, write its report to ``folder`` and print what happened; True when every claim held.

    Raises:
        DemoError: it could not be run to its end.
    """
    steps = Steps(console)
    try:
        with ExitStack() as stack:
            with steps("Start a local AWS"):
                sandbox = stack.enter_context(
                    SandboxProcess(speed=DRAWING_SPEED, instance_start_seconds=INSTANCE_START_SECONDS)
                )
            began, run = _Demo(sandbox, steps).run()
    except (CdkError, SandboxError, NotDeployedError, RefusedError, TimeoutError) as error:
        raise DemoError(f"the demo stopped: {error}") from error
    checks = check(run)
    path = report.write(run, checks, campaign=CAMPAIGN, began=began, folder=folder)
    tables.show(console, run, checks, report=path, seconds=steps.seconds())
    return all(one.held for one in checks)


@dataclass(frozen=True)
class _Start:
    """When the first request was made, by the sandbox's clock and by the wall's."""

    moment: datetime
    wall: float

    @property
    def minute(self) -> datetime:
        """The start of that minute: metrics are read by the minute."""
        return self.moment.replace(second=0, microsecond=0)

    def seconds_to(self, wall: float) -> float:
        """Sandbox seconds from ``minute`` to a wall time while the clock ran at the drawing speed."""
        return (self.moment - self.minute).total_seconds() + (wall - self.wall) * DRAWING_SPEED


class _Demo:
    """The demo on a running sandbox, step by step."""

    def __init__(self, sandbox: SandboxProcess, steps: Steps) -> None:
        self._sandbox = sandbox
        self._steps = steps
        self._cdk = Cdk(sandbox)
        # Like any client beside a sandbox: by the variables that `darkroom sandbox up` prints.
        os.environ.update(sandbox.env())
        self._session = boto3.Session()

    def run(self) -> tuple[datetime, Run]:
        """Deploy, ask, watch, destroy: when the asking began (sandbox time) and all that was seen."""
        with self._steps("Bootstrap it: cdk bootstrap"):
            self._cdk.bootstrap()
        with self._steps(f"Deploy the campaign: cdk deploy '{STACKS}'"):
            self._cdk.deploy(STACKS, campaign=CAMPAIGN)
        topics = stack_outputs(f"{CAMPAIGN}-inference", self._session)
        subscription = Subscription(self._session, [topics["SuccessTopicArn"], topics["ErrorTopicArn"]])
        with self._steps("Wait until the idle endpoint is at zero instances"):
            self._wait_for_zero()
        start = _Start(self._now(), time.time())
        outcomes, pictures = self._ask()
        with self._steps("Wait until the endpoint is back at zero"):
            self._wait_for_zero()
        endpoint = self._endpoint()
        readings = self._readings(metrics.Window(start.minute, self._now()))
        notifications = subscription.receive()
        subscription.remove()
        with self._steps(f"Destroy the campaign: cdk destroy '{STACKS}'"):
            self._cdk.destroy(STACKS, campaign=CAMPAIGN)
        return start.minute, Run(
            outcomes=outcomes,
            pictures=pictures,
            drawn=_drawn(endpoint["by_inference_id"]),
            latencies=[(start.seconds_to(one.asked_at), one.seconds) for one in outcomes],
            instances=_since(endpoint["history"], start.moment.timestamp()),
            notifications=notifications,
            readings=readings,
            left=[f"{one['type']} {one['id']}" for one in self._sandbox.resources()],
        )

    def _ask(self) -> tuple[list[Outcome], dict[str, bytes]]:
        access = api_access(CAMPAIGN, self._session)
        if access.key is None:
            raise DemoError(
                f"{CAMPAIGN} has authorizer: {access.authorizer}; the demo's client has an API key"
            )
        api = ImageApi(access.url, access.key)
        with self._steps(f"Ask for pictures, {image_requests.CROWD_SIZE} times the same at once among them"):
            crowd = [image_requests.CROWD] * image_requests.CROWD_SIZE
            outcomes = image_requests.ask_all(api, "first", image_requests.FIRST)
            outcomes += image_requests.ask_all(api, "crowd", crowd)
        with self._steps("Wait for an instance and the pictures"):
            outcomes = image_requests.wait_for_pictures(
                api, outcomes, deadline_seconds=PICTURES_DEADLINE_SECONDS
            )
        with self._steps(f"Ask for {len(image_requests.SURGE)} more while the instance is up"):
            surge = image_requests.ask_all(api, "surge", image_requests.SURGE)
            outcomes += image_requests.wait_for_pictures(
                api, surge, deadline_seconds=PICTURES_DEADLINE_SECONDS
            )
        with self._steps("Ask again"):
            outcomes += image_requests.ask_all(api, "again", image_requests.AGAIN)
        links = {one.job_id: one.picture_url for one in outcomes if one.picture_url}
        return outcomes, {job_id: download(url) for job_id, url in links.items()}

    def _wait_for_zero(self) -> None:
        self._sandbox.set_speed(WAITING_SPEED)
        end = time.monotonic() + ZERO_DEADLINE_SECONDS
        while self._endpoint()["instances"]:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"the idle endpoint still had instances after {ZERO_DEADLINE_SECONDS:.0f} s: "
                    f"{self._endpoint()['instances']}"
                )
            time.sleep(0.2)
        self._sandbox.set_speed(DRAWING_SPEED)

    def _endpoint(self) -> Mapping[str, Any]:
        return next(one for one in self._sandbox.endpoints() if one["name"] == CAMPAIGN)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._sandbox.clock()["now"], UTC)

    def _readings(self, window: metrics.Window) -> metrics.Readings:
        return metrics.read(
            self._session.client("cloudwatch"),
            campaign=CAMPAIGN,
            dashboard=f"{CAMPAIGN}-{self._session.region_name}",
            window=window,
        )


def _drawn(by_inference_id: Mapping[str, int]) -> dict[str, int]:
    """How often each job was drawn: an inference id is the job's id, a dot and the attempt."""
    drawn: Counter[str] = Counter()
    for inference_id, times in by_inference_id.items():
        drawn[inference_id.partition(".")[0]] += times
    return dict(drawn)


def _since(history: Sequence[Sequence[float]], start: float) -> list[tuple[float, int]]:
    """The instance counts from ``start`` on, the one that held then first."""
    before = [(start, int(count)) for moment, count in history if moment <= start][-1:]
    return before + [(moment, int(count)) for moment, count in history if moment > start]
