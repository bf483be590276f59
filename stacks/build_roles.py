"""Who may do what in a build: the jobs that make a bundle, the one that publishes it, the state machine.

What compiles runs code that came with somebody's weights: it can't write where bundles are served from.
What publishes reads nothing but what was compiled. Neither can say what is served: the state machine does.
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.container_image import ContainerImage
from stacks.network_policies import attaching_container
from stacks.permissions import allow, arn, reading_below
from stacks.served_bundle import PREFIX, parameter_name

# SageMaker writes every training job's log there, and makes the group if it is not there.
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
METRIC_NAMESPACES = ["AWS/SageMaker", "/aws/sagemaker/TrainingJobs"]

Place = tuple[str, str]
"""A bucket's name and a prefix in it, with a slash at its end."""


def building_role(
    scope: Construct,
    *,
    code: Place,
    sources: Sequence[Place],
    bucket: s3.IBucket,
    key: kms.IKey,
    images: Sequence[ContainerImage],
    attached: bool,
    fine_tunes: bool,
    caches: bool,
) -> iam.Role:
    """Of the jobs that fine-tune and compile.

    They read back from the campaign's bucket what was fine-tuned, and the compiler's cache where it has one.
    """
    stack = cdk.Stack.of(scope)
    places = [(f"Source{number}", place) for number, place in enumerate([code, *sources])]
    readable = [
        statement
        for id, (name, prefix) in places
        for statement in reading_below(stack, s3.Bucket.from_bucket_name(scope, id, name), prefix)
    ]
    written = ["builds/", *(["cache/"] if caches else [])]
    read = [*(["builds/"] if fine_tunes else []), *(["cache/"] if caches else [])]
    working = [*_writing(bucket, *written), *_reading(bucket, key, *read)]
    return _job_role(scope, "BuildingRole", [*readable, *working], key=key, images=images, attached=attached)


def publishing_role(
    scope: Construct,
    *,
    code: Place,
    bucket: s3.IBucket,
    key: kms.IKey,
    images: Sequence[ContainerImage],
    attached: bool,
) -> iam.Role:
    """Of the job that verifies what was compiled and publishes it."""
    stack = cdk.Stack.of(scope)
    code_bucket = s3.Bucket.from_bucket_name(scope, "CodeBucket", code[0])
    statements = [
        *reading_below(stack, code_bucket, code[1]),
        # SageMaker uploads a job's model/ below builds/, this one's empty one, too.
        *_writing(bucket, "builds/", "results/", PREFIX),
        # What was compiled, and what is published already.
        *_reading(bucket, key, "builds/", PREFIX),
    ]
    return _job_role(scope, "PublishingRole", statements, key=key, images=images, attached=attached)


def _writing(bucket: s3.IBucket, *prefixes: str) -> list[iam.PolicyStatement]:
    """To write below prefixes of the campaign's own bucket."""
    objects = [bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes]
    return [allow(["s3:PutObject", "s3:AbortMultipartUpload"], objects)]


def _reading(bucket: s3.IBucket, key: kms.IKey, *prefixes: str) -> list[iam.PolicyStatement]:
    """To read and list below prefixes of the campaign's own bucket, if there are any."""
    if not prefixes:
        return []
    patterns = [f"{prefix}*" for prefix in prefixes]
    return [
        allow(["s3:GetObject"], [bucket.arn_for_objects(pattern) for pattern in patterns]),
        allow(["s3:ListBucket"], [bucket.bucket_arn], {"StringLike": {"s3:prefix": patterns}}),
        allow(["kms:Decrypt"], [key.key_arn]),
    ]


def _job_role(
    scope: Construct,
    id: str,
    statements: Sequence[iam.PolicyStatement],
    *,
    key: kms.IKey,
    images: Sequence[ContainerImage],
    attached: bool,
) -> iam.Role:
    """SageMaker developer guide, "SageMaker AI execution roles", CreateTrainingJob."""
    stack = cdk.Stack.of(scope)
    log_group = arn(stack, "logs", f"log-group:{LOG_GROUP}")
    pulling = {str(one.to_statement_json()): one for image in images for one in image.pulling()}
    own = [
        *statements,
        allow(["kms:GenerateDataKey"], [key.key_arn]),
        # The instances' volumes are encrypted with the key; EC2 gets its grants through this role.
        allow(["kms:CreateGrant"], [key.key_arn], {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
        allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            # IAM names a log group by its streams, for the actions on the group too.
            [f"{log_group}:log-stream:*"],
        ),
        allow(
            ["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": METRIC_NAMESPACES}}
        ),
        *pulling.values(),
        *([attaching_container()] if attached else []),
    ]
    return iam.Role(
        scope,
        id,
        assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
        inline_policies={"Job": iam.PolicyDocument(statements=own)},
    )


def machine_role(
    scope: Construct,
    *,
    campaign: str,
    job_roles: Sequence[iam.IRole],
    bucket: s3.IBucket,
    key: kms.IKey,
    topic_arn: str,
    stacks: Sequence[str],
) -> iam.Role:
    """Of the state machine.

    The jobs: Step Functions developer guide, "IAM policies for Amazon SageMaker". The update: CloudFormation
    uses the role that the stack was deployed in, the CDK bootstrap's. One version of its user guide says that
    a caller needs iam:PassRole for that, another that it does not ("CloudFormation service role").
    """
    stack = cdk.Stack.of(scope)
    jobs = arn(stack, "sagemaker", f"training-job/{campaign}-*")
    rule = arn(stack, "events", "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule")
    pointer = arn(stack, "ssm", f"parameter{parameter_name(campaign)}")
    statements = [
        allow([f"sagemaker:{verb}TrainingJob" for verb in ("Create", "Describe", "Stop")], [jobs]),
        allow(["sagemaker:AddTags", "sagemaker:ListTags"], [jobs]),
        _passing([role.role_arn for role in job_roles], "sagemaker.amazonaws.com"),
        allow(["events:DescribeRule", "events:PutRule", "events:PutTargets"], [rule]),
        allow(["s3:GetObject"], [bucket.arn_for_objects("results/*")]),
        allow(["ssm:GetParameter", "ssm:PutParameter"], [pointer]),
        # CloudFormation resolves the stacks' parameters of the SSM type.
        allow(["ssm:GetParameters"], [pointer, arn(stack, "ssm", "parameter/cdk-bootstrap/*")]),
        allow(
            ["cloudformation:DescribeStacks", "cloudformation:UpdateStack"],
            [arn(stack, "cloudformation", f"stack/{name}/*") for name in stacks],
        ),
        _passing([_execution_role(stack)], "cloudformation.amazonaws.com"),
        allow(["sns:Publish"], [topic_arn]),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn]),
        # None of these takes a resource (Step Functions developer guide, "Logging" and "Tracing").
        allow(
            [
                *(f"logs:{verb}LogDelivery" for verb in ("Create", "Delete", "Get", "Update")),
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:PutTelemetryRecords",
                "xray:PutTraceSegments",
            ],
            ["*"],
        ),
    ]
    return iam.Role(
        scope,
        "MachineRole",
        assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
        inline_policies={"Machine": iam.PolicyDocument(statements=statements)},
    )


def _passing(roles: list[str], service: str) -> iam.PolicyStatement:
    return allow(["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": service}})


def _execution_role(stack: cdk.Stack) -> str:
    """The role that CloudFormation deploys the campaign's stacks in."""
    synthesizer = stack.synthesizer
    if not isinstance(synthesizer, cdk.DefaultStackSynthesizer):
        raise ValueError("the campaign's stacks are deployed with the CDK's default synthesizer")
    found = synthesizer.cloud_formation_execution_role_arn
    return found.replace("${AWS::Partition}", stack.partition)
