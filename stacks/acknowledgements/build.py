"""What is accepted of the pipeline that makes bundles."""

from __future__ import annotations

from stacks.acknowledgements.acknowledgement import (
    ANY_KEY,
    INLINE,
    NO_RESOURCE,
    NO_RESOURCE_ATTACHED,
    Acknowledged,
    objects,
    wildcard,
)
from stacks.acknowledgements.telling import of_subscriptions
from stacks.build_roles import LOG_GROUP
from stacks.campaign_stage import CampaignStage
from stacks.served_bundle import PREFIX

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
LOG_DELIVERY = wildcard(
    "*", "The log delivery actions that Step Functions needs, and X-Ray's, take no resource: IAM has only *."
)


def of_build(stage: CampaignStage) -> Acknowledged:
    """The jobs' roles, the state machine's, and who is told; nothing without a build section."""
    build, built = stage.build, stage.data.built
    if build is None or built is None:
        return
    log_group = f"arn:{build.partition}:logs:{build.region}:{build.account}:log-group:{LOG_GROUP}"
    code, *sources = [
        wildcard(build.resolve(f"arn:{build.partition}:s3:::{bucket}/{prefix}*"), KEYS_OF_SOURCES)
        for bucket, prefix in [build.code, *build.sources]
    ]
    for role in (build.building_role, build.publishing_role):
        yield role, INLINE
        yield role, wildcard("*", NO_RESOURCE_ATTACHED if stage.data.network else NO_RESOURCE)
        yield role, code
        yield role, wildcard(f"arn:{build.partition}:kms:{build.region}:*:key/*", ANY_KEY)
        yield role, wildcard(f"{log_group}:log-stream:*", STREAMS)
        yield role, objects(built.bucket, "builds/*", KEYS_OF_BUILDS, user=build)
    for source in sources:
        yield build.building_role, source
    if build.caches:
        yield build.building_role, objects(built.bucket, "cache/*", KEYS_OF_BUILDS, user=build)
    yield build.publishing_role, objects(built.bucket, "results/*", KEYS_OF_BUILDS, user=build)
    yield build.publishing_role, objects(built.bucket, f"{PREFIX}*", KEYS_OF_BUILDS, user=build)
    yield build.machine_role, INLINE
    yield build.machine_role, LOG_DELIVERY
    yield build.machine_role, objects(built.bucket, "results/*", KEYS_OF_BUILDS, user=build)
    here = f"{build.region}:{build.account}"
    for resource, reason in (
        (f"sagemaker:{here}:training-job/{stage.campaign.name}-*", JOBS_OF_CAMPAIGN),
        (f"cloudformation:{here}:stack/{stage.inference.stack_name}/*", IDS_OF_STACKS),
        (f"cloudformation:{here}:stack/{stage.api.stack_name}/*", IDS_OF_STACKS),
        (f"ssm:{here}:parameter/cdk-bootstrap/*", BOOTSTRAP_VERSION),
    ):
        yield build.machine_role, wildcard(f"arn:{build.partition}:{resource}", reason)
    yield from of_subscriptions(build)
