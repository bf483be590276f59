"""cdk-nag's AwsSolutions findings that we accept, each with the reason that a reviewer reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import IConstruct


@dataclass(frozen=True)
class Acknowledgement:
    """A finding, by cdk-nag's id (a granular one where the rule has them), and why it may stay."""

    id: str
    reason: str


def acknowledge(construct: IConstruct, acknowledgements: Sequence[Acknowledgement]) -> None:
    """Accept findings on a construct and what is in it."""
    cdk.Validations.of(construct).acknowledge(
        *(cdk.Acknowledgment(id=each.id, reason=each.reason) for each in acknowledgements)
    )


def wildcard(resource: str, reason: str) -> Acknowledgement:
    """A wildcard resource in an IAM policy."""
    return Acknowledgement(f"AwsSolutions-IAM5[Resource::{resource}]", reason)


def object_wildcard(bucket: s3.IBucket, pattern: str, reason: str, *, user: cdk.Stack) -> Acknowledgement:
    """A wildcard over a bucket's objects, as cdk-nag writes it for a policy in the stack ``user``."""
    owner = cdk.Stack.of(bucket)
    if owner is user:
        arn = f"<{owner.resolve(bucket.bucket_arn)['Fn::GetAtt'][0]}.Arn>"
    else:
        # The export that CDK makes for the reference anyway; its name is what cdk-nag sees.
        arn = user.resolve(owner.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    return wildcard(f"{arn}/{pattern}", reason)


TRACING = wildcard(
    "*", "X-Ray's PutTraceSegments and PutTelemetryRecords take no resource: IAM has only * for them."
)
LOG_BUCKET = Acknowledgement(
    "AwsSolutions-S1",
    "This is the bucket that the access logs of the others go to; logging it to itself never ends.",
)
EDGE_LOGGING = Acknowledgement(
    "AwsSolutions-APIG1",
    "Access logs need API Gateway's log role, one setting for the whole account and region: a campaign that "
    "made it would break the others when destroyed. `api.access_logs: true` turns them on where the role is.",
)
EXECUTION_LOGGING = Acknowledgement(
    "AwsSolutions-APIG6",
    "Execution logs would write prompts into CloudWatch; no prompt is logged anywhere. Metrics and X-Ray "
    "traces are on, and the functions log every request by its job id.",
)
REQUEST_VALIDATION = Acknowledgement(
    "AwsSolutions-APIG2",
    "The OpenAPI document validates bodies and parameters (x-amazon-apigateway-request-validators); the rule "
    "only sees AWS::ApiGateway::RequestValidator resources.",
)
WEB_FIREWALL = Acknowledgement(
    "AwsSolutions-APIG3",
    "Every method needs an API key and is throttled by stage and usage plan, and bodies are validated at the "
    "edge. A web ACL costs by the month, which a campaign scaled to zero must not.",
)
