"""IAM statements, written as they read: allow these actions on these resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3


def allow(
    actions: Sequence[str], resources: Sequence[str], conditions: Mapping[str, Any] | None = None
) -> iam.PolicyStatement:
    """A statement of a role's own policy."""
    return iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)


def allow_service(
    service: str, actions: Sequence[str], resource: str, *, source_arns: Sequence[str]
) -> iam.PolicyStatement:
    """A statement of a resource's policy: an AWS service may, on behalf of these sources only."""
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(service)],
        actions=actions,
        resources=[resource],
        conditions={"ArnLike": {"aws:SourceArn": source_arns}},
    )


def arn(stack: cdk.Stack, service: str, resource: str) -> str:
    """An ARN in the stack's own account and region, where no resource at hand has it as an attribute."""
    return f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{resource}"


def reading_below(stack: cdk.Stack, bucket: s3.IBucket, prefix: str) -> list[iam.PolicyStatement]:
    """To read and list what is below a prefix of a bucket, whatever key it is encrypted with.

    The key's own policy must permit it, too. The encryption context is the bucket's ARN under an S3 Bucket
    Key, else the object's (S3 user guide, "Using SSE-KMS").
    """
    objects = bucket.arn_for_objects(f"{prefix}*")
    return [
        allow(["s3:GetObject"], [objects]),
        allow(["s3:ListBucket"], [bucket.bucket_arn], {"StringLike": {"s3:prefix": f"{prefix}*"}}),
        allow(
            ["kms:Decrypt"],
            [f"arn:{stack.partition}:kms:{stack.region}:*:key/*"],
            {
                "StringEquals": {"kms:ViaService": f"s3.{stack.region}.{stack.url_suffix}"},
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket.bucket_arn, objects]},
            },
        ),
    ]
