"""Findings that we accept, cdk-nag's and the CDK's own, each with the reason that a reviewer reads.

They are attached only where these look (app.py with ``-c nag=true``, and the tests): attaching them is
a hundred calls into jsii, a third of a second that no deployment needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from stacks.build_roles import LOG_GROUP
from stacks.campaign_stage import CampaignStage
from stacks.rollout import update_alarms_arn
from stacks.served_bundle import PREFIX


@dataclass(frozen=True)
class Acknowledgement:
    """A finding, by its id (cdk-nag's granular one where the rule has them), and why it may stay."""

    id: str
    reason: str


def acknowledge_findings(stage: CampaignStage) -> None:
    """Attach every acknowledgement of a campaign, each to the one construct that it is about."""
    for construct, acknowledgement in _acknowledgements(stage):
        cdk.Validations.of(construct).acknowledge(
            cdk.Acknowledgment(id=acknowledgement.id, reason=acknowledgement.reason)
        )


TRACING = Acknowledgement(
    "AwsSolutions-IAM5[Resource::*]",
    "X-Ray's PutTraceSegments and PutTelemetryRecords take no resource: IAM has only * for them.",
)
NO_RESOURCE = Acknowledgement(
    "AwsSolutions-IAM5[Resource::*]",
    "ecr:GetAuthorizationToken and cloudwatch:PutMetricData take no resource; metrics are held to "
    "SageMaker's two namespaces by a condition.",
)
KEYS_OF_JOBS = (
    "Keys are made of job ids and of names that SageMaker gives: the prefix is as exact as it can be."
)
KEYS_OF_BUNDLE = "SageMaker downloads every object of the bundle's own prefix."
ANY_KEY = (
    "Which key a bundle is encrypted with, S3 knows: two conditions hold this to S3 and to objects of the "
    "bundle."
)
ALARMS_OF_UPDATES = (
    "The alarms of an update end with its endpoint configuration's name, which is another with each; what "
    "they begin with is the campaign's own."
)
KEYS_OF_BUCKET = "Emptying a bucket deletes every object that is in it."
LOG_BUCKET = Acknowledgement(
    "AwsSolutions-S1",
    "This is the bucket that the access logs of the others go to; logging it to itself never ends.",
)
DEAD_LETTERS = Acknowledgement(
    "AwsSolutions-SQS3",
    "This is the dead-letter queue of the others; what lies in it wakes somebody by an alarm.",
)
DRAWINGS = Acknowledgement(
    "AwsSolutions-SQS3",
    "A note of a job that nobody could draw is worth nothing by itself: the job's row says the same, and "
    "reconciliation hands the job over again or fails it with a reason.",
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


KEYS_OF_SOURCES = (
    "A job downloads every object of its input: the project's code, and sources that the file names."
)
KEYS_OF_BUILDS = "Keys are made of a build's id and of the files' names: the prefix is as exact as it can be."
STREAMS = (
    "SageMaker names the log stream of a job, in the one group that all training jobs of an account share."
)
JOBS_OF_CAMPAIGN = (
    "A job's name begins with the campaign's and goes on with its build's id, which is made when it runs."
)
IDS_OF_STACKS = "A stack's ARN ends with an id that CloudFormation makes; its name is exact."
BOOTSTRAP_VERSION = (
    "Every CDK template reads the bootstrap's version by a parameter of the SSM type; its name holds the "
    "bootstrap's qualifier."
)
NAME_FOR_VALUE = Acknowledgement(
    "CloudFormation-Validate::F3031",
    "The rule takes a parameter's default for its value, and the default of one of the SSM type is a name; "
    "the value is the URI of the bundle that a build published. Loading checked the URI of the file.",
)
LOG_DELIVERY = Acknowledgement(
    "AwsSolutions-IAM5[Resource::*]",
    "The log delivery actions that Step Functions needs, and X-Ray's, take no resource: IAM has only *.",
)


def _acknowledgements(stage: CampaignStage) -> Iterator[tuple[IConstruct, Acknowledgement]]:
    yield from _of_data(stage)
    yield from _of_inference(stage)
    yield from _of_api(stage)
    yield from _of_build(stage)


def _of_data(stage: CampaignStage) -> Iterator[tuple[IConstruct, Acknowledgement]]:
    yield stage.data.access_logs, LOG_BUCKET
    yield stage.data.cleanup.role, TRACING
    for bucket, policy in stage.data.cleanup_policies:
        yield policy, _objects(bucket, "*", KEYS_OF_BUCKET, user=stage.data)


def _of_inference(stage: CampaignStage) -> Iterator[tuple[IConstruct, Acknowledgement]]:
    role = stage.inference.role
    yield role, NO_RESOURCE
    if stage.inference.bundle is not None:
        bucket, prefix = stage.inference.bundle
        bundle = f"arn:{stage.inference.partition}:s3:::{bucket}/{prefix}*"
        yield role, _wildcard(stage.inference.resolve(bundle), KEYS_OF_BUNDLE)
    if stage.data.built is not None:
        yield role, _objects(stage.data.built.bucket, f"{PREFIX}*", KEYS_OF_BUNDLE, user=stage.inference)
        if stage.inference.bundle is not None:
            yield stage.inference.model, NAME_FOR_VALUE
    keys = f"arn:{stage.inference.partition}:kms:{stage.inference.region}:*:key/*"
    yield role, _wildcard(keys, ANY_KEY)
    alarms = update_alarms_arn(stage.inference, stage.campaign)
    yield role, _wildcard(stage.inference.resolve(alarms), ALARMS_OF_UPDATES)
    if stage.inference.topics:
        for objects in _objects_of_jobs(stage, user=stage.inference):
            yield role, objects


def _of_api(stage: CampaignStage) -> Iterator[tuple[IConstruct, Acknowledgement]]:
    yield stage.api.dead_letters, DEAD_LETTERS
    yield stage.api.http.api, REQUEST_VALIDATION
    yield stage.api.http.stage, EXECUTION_LOGGING
    yield stage.api.http.stage, WEB_FIREWALL
    if not stage.campaign.file.api.access_logs:
        yield stage.api.http.stage, EDGE_LOGGING
    objects = list(_objects_of_jobs(stage, user=stage.api))
    if stage.api.drawings is not None:
        yield stage.api.drawings, DRAWINGS
    for function in stage.api.functions:
        yield function.role, TRACING
        for each in objects:
            yield function.role, each


def _of_build(stage: CampaignStage) -> Iterator[tuple[IConstruct, Acknowledgement]]:
    build, built = stage.build, stage.data.built
    if build is None or built is None:
        return
    log_group = f"arn:{build.partition}:logs:{build.region}:{build.account}:log-group:{LOG_GROUP}"
    code, *sources = [
        _wildcard(build.resolve(f"arn:{build.partition}:s3:::{bucket}/{prefix}*"), KEYS_OF_SOURCES)
        for bucket, prefix in [build.code, *build.sources]
    ]
    for role in (build.building_role, build.publishing_role):
        yield role, NO_RESOURCE
        yield role, code
        yield role, _wildcard(f"arn:{build.partition}:kms:{build.region}:*:key/*", ANY_KEY)
        yield role, _wildcard(f"{log_group}:log-stream:*", STREAMS)
        yield role, _objects(built.bucket, "builds/*", KEYS_OF_BUILDS, user=build)
    for source in sources:
        yield build.building_role, source
    yield build.building_role, _objects(built.bucket, "cache/*", KEYS_OF_BUILDS, user=build)
    yield build.publishing_role, _objects(built.bucket, "results/*", KEYS_OF_BUILDS, user=build)
    yield build.publishing_role, _objects(built.bucket, f"{PREFIX}*", KEYS_OF_BUILDS, user=build)
    yield build.machine_role, LOG_DELIVERY
    yield build.machine_role, _objects(built.bucket, "results/*", KEYS_OF_BUILDS, user=build)
    here = f"{build.region}:{build.account}"
    for resource, reason in (
        (f"sagemaker:{here}:training-job/{stage.campaign.name}-*", JOBS_OF_CAMPAIGN),
        (f"cloudformation:{here}:stack/{stage.inference.stack_name}/*", IDS_OF_STACKS),
        (f"cloudformation:{here}:stack/{stage.api.stack_name}/*", IDS_OF_STACKS),
        (f"ssm:{here}:parameter/cdk-bootstrap/*", BOOTSTRAP_VERSION),
    ):
        yield build.machine_role, _wildcard(f"arn:{build.partition}:{resource}", reason)


def _objects_of_jobs(stage: CampaignStage, *, user: cdk.Stack) -> Iterator[Acknowledgement]:
    yield _objects(stage.data.payloads, "payloads/*", KEYS_OF_JOBS, user=user)
    yield _objects(stage.data.pictures, "pictures/*", KEYS_OF_JOBS, user=user)
    yield _objects(stage.data.pictures, "failures/*", KEYS_OF_JOBS, user=user)


def _objects(bucket: s3.IBucket, pattern: str, reason: str, *, user: cdk.Stack) -> Acknowledgement:
    """A wildcard over a bucket's objects, as cdk-nag writes it for a policy in the stack ``user``."""
    owner = cdk.Stack.of(bucket)
    if owner is user:
        arn = f"<{owner.resolve(bucket.bucket_arn)['Fn::GetAtt'][0]}.Arn>"
    else:
        # The export that CDK makes for the reference anyway; its name is what cdk-nag sees.
        arn = user.resolve(owner.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    return _wildcard(f"{arn}/{pattern}", reason)


def _wildcard(resource: str, reason: str) -> Acknowledgement:
    return Acknowledgement(f"AwsSolutions-IAM5[Resource::{resource}]", reason)
