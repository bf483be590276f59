"""What a campaign's roles are granted, as deployed, and what they really used, as the sandbox saw it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from darkroom.demo.client import download
from darkroom.sandbox.iam.policy import Grant, grants_of, parse
from tests.e2e.deployment import Deployment
from tests.eventually import eventually


@dataclass(frozen=True)
class Unused:
    """A grant that a sandbox can't use, with ``fnmatch`` patterns, and why an account does."""

    action: str
    resource: str
    reason: str


# What no run here can use; each needs a reason that a reviewer accepts.
NOT_EXERCISED = (
    Unused(
        "s3:AbortMultipartUpload",
        "*",
        "A large object is uploaded in parts, and what was uploaded of one that failed is taken back.",
    ),
    Unused(
        "ec2:*ssignPrivateIpAddresses",
        "*",
        "Lambda's guide wants it of the role of every function in a VPC (AWSLambdaVPCAccessExecutionRole has "
        "it, too); when Lambda does it, its guide does not say. No call of the function's own code may.",
    ),
)

SHARED_INTERFACES = tuple(
    Unused(
        f"ec2:{action}NetworkInterface",
        "*",
        "Functions with the same subnets and security groups share their interfaces: Lambda makes them in "
        "the role of the first and deletes them in the role of the last, and none knows which it will be.",
    )
    for action in ("Create", "Delete")
)
FLOW_LOG = Unused(
    "logs:*",
    "arn:aws:logs:*:log-group:/darkroom/*/network:*",
    "EC2 writes flow logs of packets; the sandbox has interfaces and no packets.",
)
OWN_OUTPUT = Unused(
    "s3:PutObject",
    "*/builds/*",
    "The publishing job's own model folder is empty; here that is no object, AWS may write one.",
)
ANY_KEY = Unused(
    "kms:Decrypt",
    "arn:aws:kms:*:*:key/*",
    "The sandbox's bootstrap bucket is encrypted by S3; an account's may be by a KMS key. Builds use it.",
)


def roles_of(deployment: Deployment, *stacks: str) -> dict[str, frozenset[Grant]]:
    """The grants of every role of the campaign's stacks, by the role's ARN."""
    iam = deployment.client("iam")
    api = deployment.client("cloudformation")
    found = {}
    for stack in stacks:
        resources = api.describe_stack_resources(StackName=f"{deployment.name}-{stack}")["StackResources"]
        names = [one["PhysicalResourceId"] for one in resources if one["ResourceType"] == "AWS::IAM::Role"]
        for name in names:
            found[iam.get_role(RoleName=name)["Role"]["Arn"]] = _grants(iam, name)
    return found


def _grants(iam: Any, role: str) -> frozenset[Grant]:
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    documents = [
        json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    return grants_of([statement for document in documents for statement in parse(document)])


def assert_all_used(
    deployment: Deployment,
    roles: Mapping[str, Collection[Grant]],
    accepted: Collection[Unused] = NOT_EXERCISED,
) -> None:
    """Fail with every grant that nobody used, as ``role: action on resource``."""
    used = {(one["role"], one["action"], one["pattern"]) for one in deployment.sandbox.permissions()}
    never = sorted(
        f"{role.rsplit('/', 1)[-1]}: {grant.action} on {grant.resource}"
        for role, grants in roles.items()
        for grant in grants
        if (role, grant.action, grant.resource) not in used
        and not any(
            fnmatchcase(grant.action, one.action) and fnmatchcase(grant.resource, one.resource)
            for one in accepted
        )
    )
    assert not never, "permissions that nobody used:\n" + "\n".join(never)


def done_by(deployment: Deployment, action: str) -> list[str]:
    """The names of the roles that did it."""
    return [
        one["role"].rsplit("/", 1)[-1]
        for one in deployment.sandbox.permissions()
        if one["allowed"] and one["action"] == action
    ]


def denied(deployment: Deployment, roles: Collection[str]) -> list[str]:
    """What the roles tried and may not do."""
    return [
        f"{one['role'].rsplit('/', 1)[-1]}: {one['action']} on {one['resource']}"
        for one in deployment.sandbox.permissions()
        if not one["allowed"] and one["role"] in roles
    ]


def unexpectedly_denied(deployment: Deployment, roles: Collection[str]) -> list[str]:
    """The same without what tests provoke: a broken configuration's names, and keys that are gone.

    Two runs may end the same API key at once. To the later it has no tags any more, by which it could see it.
    """
    keys = {one["id"] for one in deployment.client("apigateway").get_api_keys()["items"]}
    return [
        one
        for one in denied(deployment, roles)
        if "nowhere" not in one and ("/apikeys/" not in one or one.rpartition("/")[2] in keys)
    ]


def leave_open(
    deployment: Deployment, job_id: str, *, seconds_ago: float = 100, **changes: str | float | None
) -> None:
    """Put a finished job's row back to what it was while it was open, with ``changes`` (None takes away).

    So it stands in the table when whoever saw to it dies at that moment.
    """
    changes |= {"open_since_bucket": job_id[0], "updated_at": round(time.time() - seconds_ago, 3)}
    given = {name: value for name, value in changes.items() if value is not None}
    gone = [name for name, value in changes.items() if value is None]
    deployment.client("dynamodb").update_item(
        TableName=deployment.jobs_table,
        Key={"job_id": {"S": job_id}},
        UpdateExpression="SET "
        + ", ".join(f"#{name} = :{name}" for name in given)
        + " REMOVE "
        + ", ".join(["picture_location", "expires_at", "completed_at", *gone]),
        ExpressionAttributeNames={f"#{name}": name for name in given},
        ExpressionAttributeValues={
            f":{name}": {"S": value} if isinstance(value, str) else {"N": str(value)}
            for name, value in given.items()
        },
    )


def drawn(deployment: Deployment, prompt: str) -> str:
    """The id of a request that was asked for and is done."""
    asked = deployment.api.ask({"prompt": prompt, "steps": 1})
    assert asked.status in (200, 202), asked
    done = deployment.api.wait(asked.body["id"], deadline_seconds=90)
    assert done.body["status"] == "done", done
    return str(done.body["id"])


def see_every_kind_of_end(deployment: Deployment) -> None:
    """A request drawn, served from the cache, failed, tried again; what reconciliation and clean-up find."""
    job_id = drawn(deployment, "a lighthouse at night")
    again = deployment.api.ask({"prompt": "a lighthouse at night", "steps": 1})
    assert again.body["cache"] == "hit"
    assert download(again.body["picture"]["url"]).startswith(b"\x89PNG")
    deployment.sandbox.inject(kill_workers=1)
    drawn(deployment, "a lighthouse that was hit by lightning")

    # Its submitter died; the endpoint failed and nobody was told; it was drawn and nobody was told.
    leave_open(deployment, job_id, state="submitting", output_location=None)
    is_done(deployment, job_id)
    bucket = deployment.output("data", "PicturesBucketName")
    deployment.client("s3").put_object(Bucket=bucket, Key="failures/lost.out", Body=b'{"code": 500}')
    nowhere, failure = f"s3://{bucket}/pictures/nowhere.out", f"s3://{bucket}/failures/lost.out"
    leave_open(deployment, job_id, state="submitted", output_location=nowhere, failure_location=failure)
    is_done(deployment, job_id)
    leave_open(deployment, job_id, state="submitted")
    is_done(deployment, job_id)
    for bucket in deployment.buckets():
        deployment.client("s3").put_object(Bucket=bucket, Key="payloads/left.json", Body=b"{}")


def is_done(deployment: Deployment, job_id: str) -> None:
    """Wait until it is."""
    eventually(
        lambda: deployment.api.job(job_id).body["status"] == "done", "the job done", seconds=60, every=0.3
    )


def bury_events(deployment: Deployment, *names: str) -> None:
    """Have an event of each function fail until Lambda gives it up, and empty the dead-letter queue again."""
    functions = deployment.client("lambda")
    found = {name: _function(deployment, name) for name in names}
    kept = {
        name: functions.get_function_configuration(FunctionName=function)["Environment"]
        for name, function in found.items()
    }
    try:
        for name, function in found.items():
            broken = {
                "Variables": {**kept[name]["Variables"], "JOBS_TABLE": "nowhere", "USAGE_PLAN": "nowhere"}
            }
            functions.update_function_configuration(FunctionName=function, Environment=broken)
            functions.invoke(FunctionName=function, InvocationType="Event", Payload=b"[]")
        eventually(lambda: _senders(deployment, names) == set(names), "dead letters", seconds=60, every=0.3)
    finally:
        for name, function in found.items():
            functions.update_function_configuration(FunctionName=function, Environment=kept[name])
        deployment.client("sqs").purge_queue(QueueUrl=_dead_letters(deployment))


def _senders(deployment: Deployment, names: Collection[str]) -> set[str]:
    """Which of the functions have sent a message."""
    sent = [one["role"] for one in deployment.sandbox.permissions() if "DeadLetters" in str(one["pattern"])]
    return {name for name in names for role in sent if f"{deployment.name}-api-{name}" in role}


def _dead_letters(deployment: Deployment) -> str:
    queues = deployment.client("sqs").list_queues(QueueNamePrefix=f"{deployment.name}-api-DeadLetters")
    return str(queues["QueueUrls"][0])


def _function(deployment: Deployment, name: str) -> str:
    functions = deployment.client("lambda").list_functions()["Functions"]
    start = f"{deployment.name}-api-{name}"
    return next(str(one["FunctionName"]) for one in functions if one["FunctionName"].startswith(start))
