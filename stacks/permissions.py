"""IAM statements, written as they read: allow these actions on these resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam


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
