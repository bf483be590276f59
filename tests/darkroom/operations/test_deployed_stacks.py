"""A campaign's stacks: what is asked anew at a second look, and what is said where there are none."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.exceptions
import pytest

from darkroom.deployed import NotDeployedError, Resource, find_resources, read_resources, read_stack
from darkroom.operations.campaign_stacks import PARTS, read_campaign_stacks

BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 9, tzinfo=UTC)


class Cloud:
    """CloudFormation as botocore knows it, with stacks that a test sets; counts what it is asked.

    ``stacks`` has the status, and the time of the last update, by name; ``refusal`` is what it answers
    instead, if anything.
    """

    region_name = "us-east-1"

    def __init__(self, **stacks: tuple[str, datetime | None]) -> None:
        self.stacks = stacks
        self.asked: Counter[str] = Counter()
        self.refusal: tuple[str, str] | None = None

    def client(self, service: str) -> Any:
        assert service == "cloudformation"
        made = boto3.client(
            service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        made.meta.events.register("before-call", self._answer)
        return made

    def _answer(self, model: Any, params: Any, **_: Any) -> Any:
        name = params["body"]["StackName"]
        self.asked[f"{model.name} {name}"] += 1
        part = name.rsplit("-", 1)[-1]
        code, message = self.refusal or ("ValidationError", f"Stack with id {name} does not exist")
        if self.refusal or part not in self.stacks:
            return _Response(400), {"Error": {"Code": code, "Message": message}}
        if model.name == "DescribeStacks":
            return _Response(200), {"Stacks": [self._stack(name, *self.stacks[part])]}
        return _Response(200), {"StackResourceSummaries": self._resources(part)}

    def _stack(self, name: str, status: str, updated: datetime | None) -> dict[str, Any]:
        known = {"StackId": f"arn:{name}", "StackName": name, "StackStatus": status, "CreationTime": BEGAN}
        return known if updated is None else {**known, "LastUpdatedTime": updated}

    def _resources(self, part: str) -> list[dict[str, str]]:
        queue = {"LogicalResourceId": "Queue1", "ResourceType": "AWS::SQS::Queue"}
        return [
            {**queue, "PhysicalResourceId": f"{part}-queue"},
            {**queue, "LogicalResourceId": "NotYetMade"},
        ]


class _Response:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


def _cloud() -> Cloud:
    return Cloud(**{part: ("CREATE_COMPLETE", None) for part in PARTS if part != "build"})


def test_a_second_look_asks_how_stacks_stand_and_not_what_is_in_them() -> None:
    cloud = _cloud()
    first = read_campaign_stacks("demo", cloud)
    assert sum(count for call, count in cloud.asked.items() if call.startswith("ListStackResources")) == 4
    cloud.asked.clear()
    assert read_campaign_stacks("demo", cloud, first) == first
    assert cloud.asked == {f"DescribeStacks demo-{part}": 1 for part in PARTS}


def test_a_stack_that_was_updated_is_read_again_and_no_other() -> None:
    cloud = _cloud()
    first = read_campaign_stacks("demo", cloud)
    cloud.stacks["api"] = ("UPDATE_COMPLETE", LATER)
    cloud.asked.clear()
    second = read_campaign_stacks("demo", cloud, first)
    assert [call for call in cloud.asked if call.startswith("List")] == ["ListStackResources demo-api"]
    assert second.stacks["api"].changed_at == LATER


def test_a_stack_that_changes_is_read_at_every_look() -> None:
    cloud = _cloud()
    cloud.stacks["data"] = ("UPDATE_IN_PROGRESS", LATER)
    first = read_campaign_stacks("demo", cloud)
    cloud.asked.clear()
    read_campaign_stacks("demo", cloud, first)
    assert [call for call in cloud.asked if call.startswith("List")] == ["ListStackResources demo-data"]


def test_a_stack_that_was_destroyed_or_has_come_is_seen() -> None:
    cloud = _cloud()
    first = read_campaign_stacks("demo", cloud)
    del cloud.stacks["monitoring"]
    cloud.stacks["build"] = ("CREATE_COMPLETE", None)
    second = read_campaign_stacks("demo", cloud, first)
    assert set(second.stacks) == set(second.resources) == {"data", "inference", "api", "build"}
    assert second.ids("monitoring", "AWS::SQS::Queue") == []
    assert second.first("build", "AWS::SQS::Queue", "Queue") == "build-queue"
    assert second.first("build", "AWS::SQS::Queue", "Topic") is None


def test_what_is_not_there_is_told_with_what_to_look_at() -> None:
    cloud = Cloud()
    for read in (read_stack, read_resources):
        with pytest.raises(
            NotDeployedError, match=r"no stack x-api in us-east-1: .*Is the campaign deployed"
        ):
            read("x-api", cloud)
    with pytest.raises(NotDeployedError):
        read_campaign_stacks("x", cloud)
    assert find_resources("x-api", cloud.client("cloudformation")) == ()


def test_what_could_not_be_asked_is_not_taken_for_absent() -> None:
    cloud = _cloud()
    cloud.refusal = ("AccessDenied", "not authorized to perform: cloudformation:ListStackResources")
    with pytest.raises(botocore.exceptions.ClientError, match="not authorized"):
        find_resources("demo-data", cloud.client("cloudformation"))


def test_what_has_no_physical_id_yet_is_left_out() -> None:
    assert read_resources("demo-api", _cloud()) == (Resource("Queue1", "AWS::SQS::Queue", "api-queue"),)
