"""The resource types that the sandbox plays itself; importing this package registers them."""

from __future__ import annotations

from darkroom.sandbox.cloudformation.types import (
    cdk,
    cloudwatch,
    dynamodb,
    ec2,
    ecr,
    iam,
    kms,
    logs,
    s3,
    sns,
    sqs,
    ssm,
)

__all__ = ["cdk", "cloudwatch", "dynamodb", "ec2", "ecr", "iam", "kms", "logs", "s3", "sns", "sqs", "ssm"]
