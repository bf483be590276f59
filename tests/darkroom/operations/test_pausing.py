"""Pause and resume against AWS's APIs, interrupted after every call, and beside deployments and schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from darkroom.operations import pausing
from darkroom.operations.control_row import ControlRow
from darkroom.operations.deployed_campaign import DeployedCampaign
from darkroom.operations.scaling_bounds import ScalableTarget
from tests.lambda_functions.local_campaign import create_resources

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/demo/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


class Interruption(BaseException):
    """Ctrl-C, a lost network, a lid that is closed."""


class OneClientEach:
    """A session whose clients are made once: that takes longer than most tests."""

    def __init__(self) -> None:
        self._session = boto3.Session(
            aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1"
        )
        self.client = cache(self._make)
        self.after_call: Callable[[], None] = lambda: None

    def _make(self, service: str) -> Any:
        client = self._session.client(service)
        client.meta.events.register("after-call", lambda **_: self.after_call())
        return client


class World:
    """A campaign as the command finds it, without what it does not look at."""

    def __init__(self, session: OneClientEach) -> None:
        self.session = session
        self.said: list[str] = []
        self.dynamodb = self.session.client("dynamodb")
        create_resources(self.dynamodb, self.session.client("s3"))
        self.scaling = self.session.client("application-autoscaling")
        self.scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=6)
        self.campaign = DeployedCampaign("demo", self.session, "jobs")

    def pause(self) -> None:
        pausing.pause(self.campaign, self.said.append, at_once=True)

    def resume(self) -> None:
        pausing.resume(self.campaign, self.said.append)

    def bounds(self) -> tuple[int, int, bool]:
        (target,) = self.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        suspended = any((target.get("SuspendedState") or {}).values())
        return target["MinCapacity"], target["MaxCapacity"], suspended

    def is_paused(self) -> bool:
        return ControlRow(self.dynamodb, "jobs").read().paused_at is not None

    def interrupted_after(self, calls: int, action: Callable[[], None]) -> bool:
        """Run ``action`` and end it after so many calls of AWS; whether it was ended."""
        left = calls

        def count() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Interruption

        self.session.after_call = count
        try:
            action()
        except Interruption:
            return True
        finally:
            self.session.after_call = lambda: None
        return False


@pytest.fixture(scope="module")
def session() -> OneClientEach:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        made = OneClientEach()
        for service in ("dynamodb", "s3", "application-autoscaling", "cloudwatch", "lambda"):
            made.client(service)
        return made


@pytest.fixture
def world(session: OneClientEach) -> Iterator[World]:
    with mock_aws():
        yield World(session)


RUNNING = (1, 6, False)


def test_a_pause_goes_to_zero_and_its_end_restores_everything(world: World) -> None:
    world.pause()
    assert world.bounds() == (0, 0, True)
    assert world.is_paused()
    world.resume()
    assert world.bounds() == RUNNING
    assert not world.is_paused()


def test_both_commands_may_be_given_twice(world: World) -> None:
    for command, paused in ((world.pause, True), (world.resume, False)):
        command()
        command()
        assert world.is_paused() is paused
    assert world.bounds() == RUNNING


@pytest.mark.parametrize("again", [False, True], ids=["then resumed", "then given again"])
@pytest.mark.parametrize("calls", range(1, 9))
def test_a_pause_that_was_interrupted_loses_nothing(world: World, calls: int, again: bool) -> None:
    assert world.interrupted_after(calls, world.pause)
    if again:
        world.pause()
        assert world.bounds() == (0, 0, True)
    world.resume()
    assert world.bounds() == RUNNING
    assert not world.is_paused()


@pytest.mark.parametrize("calls", range(1, 7))
def test_an_end_that_was_interrupted_is_gone_on_with(world: World, calls: int) -> None:
    world.pause()
    assert world.interrupted_after(calls, world.resume)
    world.resume()
    assert world.bounds() == RUNNING
    assert not world.is_paused()


def test_a_deployment_in_a_pause_has_the_last_word_on_the_bounds(world: World) -> None:
    world.pause()
    # What CloudFormation does when the template's bounds have changed; the suspensions stay.
    world.scaling.register_scalable_target(**TARGET, MinCapacity=0, MaxCapacity=9)
    world.resume()
    assert world.bounds() == (0, 9, False)


def test_a_pause_given_again_after_a_deployment_closes_the_new_bounds(world: World) -> None:
    world.pause()
    world.scaling.register_scalable_target(**TARGET, MinCapacity=2, MaxCapacity=9)
    world.pause()
    assert world.bounds() == (0, 0, True)
    world.resume()
    assert world.bounds() == (2, 9, False)


def test_suspensions_that_somebody_had_set_are_back_afterwards(world: World) -> None:
    state = {"ScheduledScalingSuspended": True}
    world.scaling.register_scalable_target(**TARGET, SuspendedState=state)
    world.pause()
    world.resume()
    (target,) = world.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["SuspendedState"]["ScheduledScalingSuspended"] is True
    assert target["SuspendedState"]["DynamicScalingOutSuspended"] is False


def test_a_scheduled_action_whose_time_came_in_the_pause_has_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = {"at(2030-01-01T08:00:00)": (3, 8), "at(2030-01-01T20:00:00)": (0, 2)}
    for number, (schedule, (low, high)) in enumerate(actions.items()):
        world.scaling.put_scheduled_action(
            **TARGET,
            ScheduledActionName=f"action-{number}",
            Schedule=schedule,
            ScalableTargetAction={"MinCapacity": low, "MaxCapacity": high},
        )
    clock = iter([1893474000.0, 1893502800.0])  # 2030-01-01, 05:00 and 13:00
    monkeypatch.setattr(pausing, "service_now", lambda _session: next(clock))
    world.pause()
    world.resume()
    assert world.bounds() == (3, 8, False)


def test_it_waits_until_what_is_under_way_is_drawn_but_not_for_what_is_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, more in (("a" * 32, {}), ("b" * 32, {"held_at": {"N": "1"}})):
        world.dynamodb.put_item(
            TableName="jobs",
            Item={
                "job_id": {"S": name},
                "state": {"S": "submitted"},
                "open_since_bucket": {"S": name[0]},
                "updated_at": {"N": "1"},
                **more,
            },
        )
    naps: list[float] = []
    monkeypatch.setattr(pausing, "ACCEPTED_LATE_SECONDS", 0.0)

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        assert world.bounds() == RUNNING, "it goes to zero when nothing is under way, not before"
        if len(naps) == 2:
            world.dynamodb.delete_item(TableName="jobs", Key={"job_id": {"S": "a" * 32}})

    monkeypatch.setattr("darkroom.operations.pausing.time.sleep", sleep)
    left = pausing.pause(world.campaign, world.said.append)
    assert len(naps) == 2
    assert (left.under_way, left.held) == (0, 1)
    assert world.bounds() == (0, 0, True)


def test_who_resumes_while_it_drains_is_not_overruled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darkroom.operations.pausing.time.sleep", lambda _seconds: world.resume())
    with pytest.raises(pausing.ResumedMeanwhileError, match="demo was resumed"):
        pausing.pause(world.campaign, world.said.append)
    assert world.bounds() == RUNNING


def test_a_campaign_without_an_endpoint_is_paused_too(world: World) -> None:
    world.scaling.deregister_scalable_target(**TARGET)
    world.pause()
    assert world.is_paused()
    world.resume()
    assert not world.is_paused()


def test_what_aws_refuses_is_told_with_what_to_do(world: World) -> None:
    nowhere = DeployedCampaign("demo", world.session, "no-such-table")
    with pytest.raises(pausing.PauseError, match=r"UpdateItem answered .*`darkroom pause demo` again"):
        pausing.pause(nowhere, world.said.append)


def test_the_target_is_the_campaigns_own(world: World) -> None:
    assert ScalableTarget(world.scaling, "dem").bounds(0.0) is None
