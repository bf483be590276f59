"""The role of the model container: what it may read, write, publish and pull, and nothing else."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.container_image import ContainerImage
from stacks.permissions import allow

METRIC_NAMESPACES = ["AWS/SageMaker", "/aws/sagemaker/Endpoints"]


def endpoint_role(
    scope: Construct,
    *,
    bundle: tuple[str, str],
    image: ContainerImage,
    key: kms.IKey,
    payloads: s3.IBucket,
    pictures: s3.IBucket,
    topics: list[sns.Topic],
    log_group: logs.LogGroup,
) -> iam.Role:
    """The execution role (SageMaker developer guide, "SageMaker AI execution roles", CreateModel).

    ``bundle`` is the bucket and prefix that SageMaker downloads to /opt/ml/model. A realtime endpoint has no
    topics, and nothing to read or write for a request.
    """
    bucket, prefix = bundle
    bundle_bucket = s3.Bucket.from_bucket_name(scope, "BundleBucket", bucket)
    bundle_objects = bundle_bucket.arn_for_objects(f"{prefix}*")
    stack = cdk.Stack.of(scope)
    requests = [
        allow(["s3:GetObject"], [payloads.arn_for_objects("payloads/*")]),
        allow(
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            [pictures.arn_for_objects("pictures/*"), pictures.arn_for_objects("failures/*")],
        ),
    ]
    statements = [
        allow(["s3:GetObject"], [bundle_objects]),
        allow(["s3:ListBucket"], [bundle_bucket.bucket_arn], {"StringLike": {"s3:prefix": f"{prefix}*"}}),
        # Whatever key the bundle is encrypted with, its policy permitting. The encryption context is the
        # bucket's ARN under an S3 Bucket Key, else the object's (S3 user guide, "Using SSE-KMS").
        allow(
            ["kms:Decrypt"],
            [f"arn:{stack.partition}:kms:{stack.region}:*:key/*"],
            {
                "StringEquals": {"kms:ViaService": f"s3.{stack.region}.{stack.url_suffix}"},
                "StringLike": {
                    "kms:EncryptionContext:aws:s3:arn": [bundle_bucket.bucket_arn, bundle_objects]
                },
            },
        ),
        *(requests if topics else []),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn]),
        # The instances' volumes are encrypted with the key; EC2 gets its grants through this role.
        allow(["kms:CreateGrant"], [key.key_arn], {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
        *([allow(["sns:Publish"], [topic.topic_arn for topic in topics])] if topics else []),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn]),
        allow(
            ["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": METRIC_NAMESPACES}}
        ),
        *image.pulling(),
    ]
    return iam.Role(
        scope,
        "ExecutionRole",
        assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
        inline_policies={"Serving": iam.PolicyDocument(statements=statements)},
    )
