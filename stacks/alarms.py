"""What wakes somebody: each alarm says what is wrong and which entry of the runbook is about it.

An alarm of its own tells nobody: those that one cause sets off together are one composite alarm, which does.
Requests that fail and requests that wait are two, so that one that lasts does not hide the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from darkroom.campaign import ResolvedCampaign
from stacks.utilization import ENDPOINT_NAMESPACE, NAMESPACE, Dimensions, campaign_dimensions


@dataclass(frozen=True)
class AlarmRule:
    """One alarm: a statistic of a metric at or above a threshold, so many minutes in a row.

    Missing data is good news for all of them: nothing failed, nothing waits.

    Attributes:
        breaching_minutes: how many of the minutes are enough, where it is not all.
        group: the composite alarm that tells people of this one; None where it tells them itself.
    """

    name: str
    description: str
    namespace: str
    metric: str
    dimensions: Dimensions
    statistic: str
    threshold: float
    minutes: int
    breaching_minutes: int | None = None
    group: str | None = None


@dataclass(frozen=True)
class AlarmGroup:
    """A composite alarm: in ALARM while one of its alarms is, and the only one of them that tells people."""

    name: str
    description: str


FAILING = AlarmGroup(
    "requests-failing", "People get errors instead of pictures; the alarms in it say where they come from."
)
WAITING = AlarmGroup(
    "requests-waiting", "People wait too long for pictures; the alarms in it say what holds them up."
)
GROUPS = (FAILING, WAITING)


def paused_rule(campaign: str) -> AlarmRule:
    """In ALARM while the campaign is paused: then nobody is to be told that it draws nothing."""
    return AlarmRule(
        "paused",
        "The campaign is paused: it draws nothing new, and its other alarms tell nobody.",
        NAMESPACE, "Paused", campaign_dimensions(campaign), "Sum", 1, 3, 1,
    )  # fmt: skip


def runbook(description: str, name: str) -> str:
    """``description`` with the entry of the runbook, which is called by the alarm's name."""
    return f"{description} Runbook: docs/operations.md#{name}"


def members(rules: Sequence[AlarmRule], group: AlarmGroup) -> list[AlarmRule]:
    """The alarms of a group."""
    return [rule for rule in rules if rule.group == group.name]


def alarm_rules(
    campaign: ResolvedCampaign, *, variant: str, dead_letters: str, drawings: str | None
) -> list[AlarmRule]:
    """The campaign's alarms. ``dead_letters`` and, where it is realtime, ``drawings`` are names of queues."""
    own = campaign_dimensions(campaign.name)
    of_mode = _asynchronous(campaign, variant) if drawings is None else _realtime(campaign, variant, drawings)
    return [
        AlarmRule(
            "jobs-failed",
            "Jobs ended without a picture. The job's reason says why: GET /v1/images/{id}, or the table.",
            NAMESPACE, "JobsFailed", own, "Sum", 1, 1, group=FAILING.name,
        ),
        of_mode[0],
        AlarmRule(
            "dead-letters",
            "Nobody could handle a notification or a scheduled event: it lies in the dead-letter queue.",
            "AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", dead_letters),), "Maximum", 1, 1,
        ),
        *of_mode[1:],
        AlarmRule(
            "api-5xx",
            "The API answers 5xx.",
            "AWS/ApiGateway", "5XXError", (("ApiName", campaign.name),), "Sum", 1, 3, group=FAILING.name,
        ),
    ]  # fmt: skip


def _asynchronous(campaign: ResolvedCampaign, variant: str) -> list[AlarmRule]:
    endpoint = (("EndpointName", campaign.name),)
    of_variant = (*endpoint, ("VariantName", variant))
    waiting = campaign.file.endpoint.request_time_to_live / 2
    return [
        AlarmRule(
            "invocations-failed",
            "The model container fails. Look at its log group, /aws/sagemaker/Endpoints/.",
            ENDPOINT_NAMESPACE, "InvocationFailures", of_variant, "Sum", 1, 3, group=FAILING.name,
        ),
        AlarmRule(
            "backlog-age",
            "The oldest request has waited half its time to live; SageMaker drops it at the end. "
            "More instances, or fewer requests.",
            ENDPOINT_NAMESPACE, "ApproximateAgeOfOldestRequest", endpoint, "Maximum", waiting, 3,
            group=WAITING.name,
        ),
        AlarmRule(
            "no-capacity",
            "Requests have waited a quarter of an hour and no instance came: quota, capacity, or a model "
            "that does not load.",
            ENDPOINT_NAMESPACE, "HasBacklogWithoutCapacity", endpoint, "Average", 1, 15, group=WAITING.name,
        ),
    ]  # fmt: skip


def _realtime(campaign: ResolvedCampaign, variant: str, drawings: str) -> list[AlarmRule]:
    of_variant = (("EndpointName", campaign.name), ("VariantName", variant))
    endpoint = campaign.file.endpoint
    # Of the time after which the caller gives up, in microseconds.
    slow = 0.8 * endpoint.invocation_timeout * 1e6
    return [
        AlarmRule(
            "invocations-failed",
            "The model container fails, or is full: look at its log group, /aws/sagemaker/Endpoints/, and at "
            "the invocations an instance.",
            ENDPOINT_NAMESPACE, "Invocation5XXErrors", of_variant, "Sum", 1, 3, group=FAILING.name,
        ),
        AlarmRule(
            "backlog-age",
            "The oldest request has waited half its time to live; SQS drops it at the end. "
            "More instances, or fewer requests.",
            "AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", drawings),), "Maximum",
            endpoint.request_time_to_live / 2, 3, group=WAITING.name,
        ),
        AlarmRule(
            "model-latency",
            "The model takes nearly as long as it is waited for: pictures will be given up, drawn in vain. "
            "Fewer steps, a shorter queue in the container, or more instances.",
            ENDPOINT_NAMESPACE, "ModelLatency", of_variant, "Average", slow, 3, group=WAITING.name,
        ),
    ]  # fmt: skip
