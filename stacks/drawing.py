"""What draws for a realtime campaign: a queue, and a function that calls the endpoint.

An SQS queue and not an asynchronous invocation, for the sake of three things that Lambda's own queue lacks:
the number of functions at work is bounded without reserving concurrency, which a new account can't; what
waits costs nothing and is drawn in about the order it came in; and how long it waits is a metric.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from stacks.permissions import allow
from stacks.realtime_requests import drawing_concurrency

# What the function has beside the endpoint's answer: to ask a busy one again, and to write the picture.
EXTRA_SECONDS = 60

# "Set the source queue's visibility timeout to at least six times the configuration timeout on your function"
# (Lambda developer guide, "Creating and configuring an Amazon SQS event source mapping").
VISIBILITY_TIMES = 6


def drawings_queue(scope: Construct, campaign: ResolvedCampaign) -> sqs.Queue:
    """Notes of attempts to draw, kept for as long as a request may wait. They hold ids, no prompts."""
    return sqs.Queue(
        scope,
        "Drawings",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        visibility_timeout=cdk.Duration.seconds(VISIBILITY_TIMES * drawing_seconds(campaign)),
        retention_period=cdk.Duration.seconds(campaign.file.endpoint.request_time_to_live),
    )


def drawing_seconds(campaign: ResolvedCampaign) -> int:
    """The drawing function's time-out."""
    return campaign.file.endpoint.invocation_timeout + EXTRA_SECONDS


def drawing_statements(queue: sqs.IQueue, endpoint: str) -> list[iam.PolicyStatement]:
    """What the drawing function may do with its queue and with the endpoint of that ARN."""
    taking = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility"]
    return [
        allow([f"sqs:{action}" for action in taking], [queue.queue_arn]),
        allow(["sagemaker:InvokeEndpoint"], [endpoint]),
    ]


def draw_from(
    scope: Construct, queue: sqs.IQueue, function: lambda_.IFunction, campaign: ResolvedCampaign
) -> lambda_.CfnEventSourceMapping:
    """Have ``function`` draw what ``queue`` holds, one note an invocation."""
    return lambda_.CfnEventSourceMapping(
        scope,
        "DrawingsMapping",
        event_source_arn=queue.queue_arn,
        function_name=function.function_arn,
        batch_size=1,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config={"maximumConcurrency": drawing_concurrency(campaign)},
    )
