"""What wakes somebody: each alarm says what is wrong and what to look at."""

from __future__ import annotations

from dataclasses import dataclass

from darkroom.campaign import ResolvedCampaign
from stacks.utilization import ENDPOINT_NAMESPACE, NAMESPACE, Dimensions, campaign_dimensions


@dataclass(frozen=True)
class AlarmRule:
    """One alarm: a statistic of a metric at or above a threshold, so many minutes in a row.

    Missing data is good news for all of them: nothing failed, nothing waits.
    """

    name: str
    description: str
    namespace: str
    metric: str
    dimensions: Dimensions
    statistic: str
    threshold: float
    minutes: int


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
            NAMESPACE, "JobsFailed", own, "Sum", 1, 1,
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
            "The API answers 5xx. Look at the front-end function's log group and its trace.",
            "AWS/ApiGateway", "5XXError", (("ApiName", campaign.name),), "Sum", 1, 3,
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
            ENDPOINT_NAMESPACE, "InvocationFailures", of_variant, "Sum", 1, 3,
        ),
        AlarmRule(
            "backlog-age",
            "The oldest request has waited half its time to live; SageMaker drops it at the end. "
            "More instances, or fewer requests.",
            ENDPOINT_NAMESPACE, "ApproximateAgeOfOldestRequest", endpoint, "Maximum", waiting, 3,
        ),
        AlarmRule(
            "no-capacity",
            "Requests have waited a quarter of an hour and no instance came: quota, capacity, or a model "
            "that does not load.",
            ENDPOINT_NAMESPACE, "HasBacklogWithoutCapacity", endpoint, "Average", 1, 15,
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
            ENDPOINT_NAMESPACE, "Invocation5XXErrors", of_variant, "Sum", 1, 3,
        ),
        AlarmRule(
            "backlog-age",
            "The oldest request has waited half its time to live; SQS drops it at the end. "
            "More instances, or fewer requests.",
            "AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", drawings),), "Maximum",
            endpoint.request_time_to_live / 2, 3,
        ),
        AlarmRule(
            "model-latency",
            "The model takes nearly as long as it is waited for: pictures will be given up, drawn in vain. "
            "Fewer steps, a shorter queue in the container, or more instances.",
            ENDPOINT_NAMESPACE, "ModelLatency", of_variant, "Average", slow, 3,
        ),
    ]  # fmt: skip
