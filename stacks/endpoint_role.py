"""The role of the model container: what it may read, write, publish and pull, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.container_image import ContainerImage
from stacks.network_policies import attaching_container
from stacks.permissions import allow, reading_below

METRIC_NAMESPACES = ["AWS/SageMaker", "/aws/sagemaker/Endpoints"]


def endpoint_role(
    scope: Construct,
    *,
    bundles: Sequence[tuple[s3.IBucket, str]],
    image: ContainerImage,
    key: kms.IKey,
    payloads: s3.IBucket,
    pictures: s3.IBucket,
    topics: list[sns.Topic],
    log_group: logs.LogGroup,
    attached: bool,
    update_alarms: str,
) -> iam.Role:
    """The execution role (SageMaker developer guide, "SageMaker AI execution roles", CreateModel).

    ``bundles`` are the buckets and prefixes that SageMaker may download to /opt/ml/model. A realtime endpoint
    has no topics, and nothing to read or write for a request. ``attached``: to the campaign's own network.
    ``update_alarms`` is the ARN of the alarms that take an update back, by which SageMaker looks at them (its
    guide, "Auto-Rollback Configuration and Monitoring").

    Other bundles are another role: CloudFormation deletes the one before only when the update has worked, so
    that the old fleet can still download its bundle when the update is taken back.
    """
    stack = cdk.Stack.of(scope)
    requests = [
        # Payloads, pictures and the topics are encrypted with it.
        allow(["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn]),
        allow(["s3:GetObject"], [payloads.arn_for_objects("payloads/*")]),
        allow(
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            [pictures.arn_for_objects("pictures/*"), pictures.arn_for_objects("failures/*")],
        ),
    ]
    statements = [
        *(statement for bucket, prefix in bundles for statement in reading_below(stack, bucket, prefix)),
        *(requests if topics else []),
        # The instances' volumes are encrypted with the key; EC2 gets its grants through this role.
        allow(["kms:CreateGrant"], [key.key_arn], {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
        *([allow(["sns:Publish"], [topic.topic_arn for topic in topics])] if topics else []),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn]),
        allow(
            ["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": METRIC_NAMESPACES}}
        ),
        allow(["cloudwatch:DescribeAlarms"], [update_alarms]),
        *image.pulling(),
        *([attaching_container()] if attached else []),
    ]
    return iam.Role(
        scope,
        f"ExecutionRole{_digest(stack, bundles)}",
        assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
        inline_policies={"Serving": iam.PolicyDocument(statements=statements)},
    )


def _digest(stack: cdk.Stack, bundles: Sequence[tuple[s3.IBucket, str]]) -> str:
    places = [[stack.resolve(bucket.bucket_arn), prefix] for bucket, prefix in bundles]
    return hashlib.sha256(json.dumps(places, sort_keys=True).encode()).hexdigest()[:8]
