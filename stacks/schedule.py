"""A function that EventBridge runs at intervals; a run that it can't hand over is a dead letter."""

from __future__ import annotations

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.permissions import allow_service
from stacks.python_function import PythonFunction


def run_every(
    scope: Construct,
    id: str,
    *,
    rate: str,
    function: PythonFunction,
    target: str,
    description: str,
    dead_letters: sqs.Queue,
) -> None:
    """Run ``function`` every ``rate``, such as ``1 minute``; ``target`` is its name in the rule."""
    rule = events.CfnRule(
        scope,
        id,
        description=description,
        schedule_expression=f"rate({rate})",
        targets=[
            {
                "id": target,
                "arn": function.function.function_arn,
                "deadLetterConfig": {"arn": dead_letters.queue_arn},
                # The next run tries again anyway.
                "retryPolicy": {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
            }
        ],
    )
    function.function.add_permission(
        "Schedule", principal=iam.ServicePrincipal("events.amazonaws.com"), source_arn=rule.attr_arn
    )
    dead_letters.add_to_resource_policy(
        allow_service(
            "events.amazonaws.com", ["sqs:SendMessage"], dead_letters.queue_arn, source_arns=[rule.attr_arn]
        )
    )
