"""How a deployed campaign is: endpoint, queue, requests, alarms, jobs, dead letters, stacks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.exceptions

from darkroom.operations.campaign_stacks import CampaignStacks, read_campaign_stacks
from darkroom.operations.control_row import ControlRow
from darkroom.operations.endpoint import find_endpoint
from darkroom.operations.open_jobs import count_indexed_jobs
from darkroom.operations.recent_metrics import Backlog, RecentRequests, backlog, recent_requests
from darkroom.operations.scaling_bounds import ScalableTarget
from darkroom.operations.service_clock import service_now

_RUNBOOK = re.compile(r"Runbook: (\S+)")
_ALARMS_A_CALL = 100


class StatusError(Exception):
    """AWS did not answer what the status is made of; the text says what was asked."""


@dataclass(frozen=True)
class StackState:
    """One stack: CloudFormation's status, and when it was last created or updated."""

    name: str
    status: str
    changed_at: datetime


@dataclass(frozen=True)
class Endpoint:
    """SageMaker's endpoint; ``minimum`` and ``maximum`` are what scaling may do."""

    status: str
    instances: int
    wanted: int
    minimum: int | None
    maximum: int | None
    failure: str | None
    changed_at: datetime


@dataclass(frozen=True)
class Alarm:
    """An alarm that is in ALARM, and the entry of the runbook about it."""

    name: str
    since: datetime
    reason: str
    runbook: str | None


@dataclass(frozen=True)
class Status:
    """A campaign at a moment.

    Attributes:
        moment: by the clock of the AWS that was asked.
        endpoint: None where nothing has been built to serve yet.
        open_jobs: requests that somebody waits for, at most MOST_INDEXED.
        dead_letters: messages that nobody could handle.
        paused_at: since when the campaign is paused.
    """

    campaign: str
    region: str
    moment: datetime
    endpoint: Endpoint | None
    backlog: Backlog
    requests: RecentRequests
    alarms: Sequence[Alarm]
    open_jobs: int
    dead_letters: int
    paused_at: datetime | None
    stacks: Sequence[StackState]

    @property
    def is_healthy(self) -> bool:
        """No alarm, and every stack as it should be."""
        return not self.alarms and not any(_is_broken(stack.status) for stack in self.stacks)


class StatusReader:
    """Reads a deployed campaign's status, once or again and again.

    What is in the campaign's stacks it reads again only where they have changed since.

    Args:
        minutes: requests are counted over so many.
        session: a boto3 session; the environment's by default.
    """

    def __init__(self, campaign: str, *, minutes: int = 15, session: Any = None) -> None:
        self._campaign = campaign
        self._minutes = minutes
        self._session = session or boto3.Session()
        self._stacks: CampaignStacks | None = None

    def read(self) -> Status:
        """The status at this moment.

        Raises:
            NotDeployedError: the campaign is not there.
            StatusError: it is, and something about it can't be read.
        """
        try:
            self._stacks = read_campaign_stacks(self._campaign, self._session, self._stacks)
            return _read(self._campaign, self._minutes, self._session, self._stacks)
        except botocore.exceptions.ClientError as error:
            raise StatusError(
                f"{error.operation_name} was answered with {error.response['Error']['Code']}: "
                f"{error.response['Error']['Message']}"
            ) from error
        except botocore.exceptions.BotoCoreError as error:
            raise StatusError(f"no answer: {error}") from error


def _read(campaign: str, minutes: int, session: Any, stacks: CampaignStacks) -> Status:
    now = datetime.fromtimestamp(service_now(session), UTC)
    cloudwatch, dynamodb = session.client("cloudwatch"), session.client("dynamodb")
    table = stacks.first("data", "AWS::DynamoDB::Table")
    return Status(
        campaign=campaign,
        region=str(session.region_name),
        moment=now,
        endpoint=_endpoint(campaign, session, now),
        backlog=backlog(cloudwatch, campaign, _drawings(stacks), now),
        requests=recent_requests(cloudwatch, campaign, now, minutes),
        alarms=_alarms(cloudwatch, stacks),
        open_jobs=0 if table is None else count_indexed_jobs(dynamodb, table),
        dead_letters=_dead_letters(session, stacks),
        paused_at=None if table is None else _paused_at(dynamodb, table),
        stacks=[StackState(one.name, one.status, one.changed_at) for one in stacks.stacks.values()],
    )


def _paused_at(dynamodb: Any, table: str) -> datetime | None:
    paused_at = ControlRow(dynamodb, table).read().paused_at
    return None if paused_at is None else datetime.fromtimestamp(paused_at, UTC)


def _drawings(stacks: CampaignStacks) -> str | None:
    """The name of a realtime campaign's queue."""
    url = stacks.first("api", "AWS::SQS::Queue", "Drawings")
    return None if url is None else url.rsplit("/", 1)[-1]


def _endpoint(campaign: str, session: Any, now: datetime) -> Endpoint | None:
    found = find_endpoint(campaign, session.client("sagemaker"))
    if found is None:
        return None
    variants = found.get("ProductionVariants") or [{}]
    scaling = ScalableTarget(session.client("application-autoscaling"), campaign)
    bounds = scaling.bounds(now.timestamp())
    return Endpoint(
        status=found["EndpointStatus"],
        instances=int(variants[0].get("CurrentInstanceCount") or 0),
        wanted=int(variants[0].get("DesiredInstanceCount") or 0),
        minimum=None if bounds is None else bounds.minimum,
        maximum=None if bounds is None else bounds.maximum,
        failure=found.get("FailureReason"),
        changed_at=found["LastModifiedTime"],
    )


def _alarms(cloudwatch: Any, stacks: CampaignStacks) -> list[Alarm]:
    """Those of the campaign's stacks that are about trouble, and not about scaling."""
    names = [
        name
        for part in ("inference", "monitoring", "build")
        for kind in ("Alarm", "CompositeAlarm")
        for name in stacks.ids(part, f"AWS::CloudWatch::{kind}")
    ]
    # Those take an update of the endpoint back by themselves, and mean nothing outside of one.
    of_updates = stacks.ids("inference", "AWS::CloudWatch::Alarm", "Update")
    names = [name for name in names if name not in of_updates]
    found: list[Mapping[str, Any]] = []
    for start in range(0, len(names), _ALARMS_A_CALL):
        answer = cloudwatch.describe_alarms(
            AlarmNames=names[start : start + _ALARMS_A_CALL],
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            MaxRecords=_ALARMS_A_CALL,
        )
        found += [*answer["CompositeAlarms"], *answer["MetricAlarms"]]
    return [_alarm(one) for one in found if one["StateValue"] == "ALARM" and not _scales(one)]


def _scales(alarm: Mapping[str, Any]) -> bool:
    return any(":scalingPolicy:" in action for action in alarm.get("AlarmActions", []))


def _alarm(described: Mapping[str, Any]) -> Alarm:
    entry = _RUNBOOK.search(described.get("AlarmDescription") or "")
    return Alarm(
        name=described["AlarmName"],
        since=described["StateUpdatedTimestamp"],
        reason=described.get("StateReason", ""),
        runbook=None if entry is None else entry[1],
    )


def _dead_letters(session: Any, stacks: CampaignStacks) -> int:
    url = stacks.first("api", "AWS::SQS::Queue", "DeadLetters")
    if url is None:
        return 0
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = session.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def _is_broken(status: str) -> bool:
    return "FAILED" in status or "ROLLBACK" in status
