"""A finding that may stay: which, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import IConstruct


@dataclass(frozen=True)
class Acknowledgement:
    """Findings that are one, by their ids, and why they may stay.

    Attributes:
        ids: the rule's id in each pack that has it; where a rule has granular findings, the finding's own.
        reason: what a reviewer needs to know to agree.
    """

    ids: tuple[str, ...]
    reason: str


Acknowledged = Iterator[tuple[IConstruct, Acknowledgement]]


def one(id: str, reason: str) -> Acknowledgement:
    """A finding of one pack."""
    return Acknowledgement((id,), reason)


def nist_and_pci(rule: str, reason: str, *others: str) -> Acknowledgement:
    """A rule that NIST 800-53 and PCI DSS share, and ``others`` that say the same."""
    return Acknowledgement((f"NIST.800.53.R5-{rule}", f"PCI.DSS.321-{rule}", *others), reason)


def wildcard(resource: str, reason: str) -> Acknowledgement:
    """A resource with a wildcard in a role's policy."""
    return one(f"AwsSolutions-IAM5[Resource::{resource}]", reason)


def objects(bucket: s3.IBucket, pattern: str, reason: str, *, user: cdk.Stack) -> Acknowledgement:
    """A wildcard over a bucket's objects, as cdk-nag writes it for a policy in the stack ``user``."""
    owner = cdk.Stack.of(bucket)
    if owner is user:
        arn = f"<{owner.resolve(bucket.bucket_arn)['Fn::GetAtt'][0]}.Arn>"
    else:
        # The export that CDK makes for the reference anyway; its name is what cdk-nag sees.
        arn = user.resolve(owner.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    return wildcard(f"{arn}/{pattern}", reason)


INLINE = nist_and_pci(
    "IAMNoInlinePolicy",
    "The rule is about policies that several users share. This one belongs to one role of one service: "
    "inline, nobody can attach it to another principal, and it is deleted with its role.",
)
KEYS_OF_JOBS = (
    "Keys are made of job ids and of names that SageMaker gives: the prefix is as exact as it can be."
)
KEYS_OF_BUNDLE = (
    "SageMaker downloads every object below the prefix, which holds bundles alone: the one that the file "
    "names, or those that builds published."
)
ANY_KEY = (
    "Which key a bundle is encrypted with, S3 knows: two conditions hold this to S3 and to objects of the "
    "bundle."
)
NO_RESOURCE = (
    "ecr:GetAuthorizationToken and cloudwatch:PutMetricData take no resource; metrics are held to "
    "SageMaker's two namespaces by a condition."
)
NO_RESOURCE_ATTACHED = (
    f"{NO_RESOURCE} SageMaker's documentation asks for the network interface actions on *: interfaces have "
    "no ids before they are made, and the describing actions take no resource."
)
