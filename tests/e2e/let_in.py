"""Whom resources let in by their own policies, what VPC endpoints let pass, and what of it was used."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.deployment import Deployment
from tests.e2e.permissions import Unused
from tests.eventually import eventually


@dataclass(frozen=True)
class Permitted:
    """One action of a statement; ``policy`` is the ARN of its resource, or the id of its VPC endpoint."""

    policy: str
    statement: str
    action: str

    def __str__(self) -> str:
        return f"{self.action} by {self.statement} of {self.policy}"


# What no run here can use; each needs a reason that a reviewer accepts.
ACCESS_LOGS = Unused(
    "s3:PutObject",
    "arn:aws:s3:::*-accesslogs*",
    "S3 delivers access logs within hours, by its logging service; the sandbox's S3 keeps none.",
)


def services_let_in(deployment: Deployment, *stacks: str) -> set[Permitted]:
    """Every action that a policy of a resource of these stacks allows an AWS service."""
    api = deployment.client("cloudformation")
    found: set[Permitted] = set()
    for stack in stacks:
        name = f"{deployment.name}-{stack}"
        for one in api.describe_stack_resources(StackName=name)["StackResources"]:
            policy, document = _policy(deployment, one["ResourceType"], str(one.get("PhysicalResourceId")))
            found |= {each for each in _permitted(policy, document) if '"Service"' in each.statement}
    return found


def passing_endpoints(deployment: Deployment) -> set[Permitted]:
    """Every action that a VPC endpoint lets pass."""
    found = deployment.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    return {
        each
        for one in found
        if one["State"] == "available"
        for each in _permitted(one["VpcEndpointId"], one["PolicyDocument"])
    }


def used(deployment: Deployment) -> set[Permitted]:
    """What of all that somebody has used."""
    return {
        Permitted(one["policy"], one["statement"], one["action"])
        for one in deployment.sandbox.permissions()
        if one["policy"]
    }


def never_used(
    deployment: Deployment, permitted: Collection[Permitted], accepted: Collection[Unused] = ()
) -> list[str]:
    """What nobody has used, but for what is accepted, by its action and its policy."""
    exercised = used(deployment)
    return sorted(
        str(one)
        for one in permitted
        if one not in exercised
        and not any(
            fnmatchcase(one.action, each.action) and fnmatchcase(one.policy, each.resource)
            for each in accepted
        )
    )


def _permitted(policy: str, document: str | None) -> Iterator[Permitted]:
    for statement in json.loads(document)["Statement"] if document else ():
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if statement["Effect"] == "Allow":
            text = json.dumps(statement, sort_keys=True)
            yield from (Permitted(policy, text, action) for action in actions)


def _policy(deployment: Deployment, kind: str, id: str) -> tuple[str, str | None]:
    """A resource's ARN and policy; None for what has none."""
    try:
        if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{id}", deployment.client("s3").get_bucket_policy(Bucket=id)["Policy"]
        if kind == "AWS::SNS::Topic":
            return id, deployment.client("sns").get_topic_attributes(TopicArn=id)["Attributes"]["Policy"]
        if kind == "AWS::SQS::Queue":
            asked = {"QueueUrl": id, "AttributeNames": ["QueueArn", "Policy"]}
            attributes = deployment.client("sqs").get_queue_attributes(**asked)["Attributes"]
            return attributes["QueueArn"], attributes.get("Policy")
        if kind == "AWS::KMS::Key":
            kms = deployment.client("kms")
            arn = kms.describe_key(KeyId=id)["KeyMetadata"]["Arn"]
            return arn, kms.get_key_policy(KeyId=id, PolicyName="default")["Policy"]
        if kind == "AWS::Lambda::Function":
            functions = deployment.client("lambda")
            arn = functions.get_function_configuration(FunctionName=id)["FunctionArn"]
            return arn, functions.get_policy(FunctionName=id)["Policy"]
    except ClientError as error:
        # A function that nobody may invoke has none, nor has a bucket that nothing is said of.
        if error.response["Error"]["Code"] not in ("ResourceNotFoundException", "NoSuchBucketPolicy"):
            raise
    return id, None


def tell_the_operations_topic(deployment: Deployment) -> None:
    """Have an alarm go off that tells it."""
    alarms = deployment.client("cloudwatch")
    found = alarms.describe_alarms(
        AlarmNamePrefix=f"{deployment.name}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    telling = [
        one
        for one in (*found["MetricAlarms"], *found["CompositeAlarms"])
        if any(":sns:" in action for action in one["AlarmActions"])
    ]
    alarms.set_alarm_state(AlarmName=telling[0]["AlarmName"], StateValue="ALARM", StateReason="a test")


def turn_callers_away(deployment: Deployment, *handlers: str) -> None:
    """Take away, and give back, the leave of what calls these functions: what they send is buried.

    A topic publishes once, a rule fires within a minute of the sandbox's, and once more afterwards.
    """
    functions = deployment.client("lambda")
    arns = {one["Handler"]: one["FunctionArn"] for one in functions.list_functions()["Functions"]}
    for handler in handlers:
        function = arns[handler]
        for statement in json.loads(functions.get_policy(FunctionName=function)["Policy"])["Statement"]:
            _turn_away(deployment, function, statement)


def _turn_away(deployment: Deployment, function: str, statement: dict[str, Any]) -> None:
    functions = deployment.client("lambda")
    source = statement["Condition"]["ArnLike"]["AWS:SourceArn"]
    service = statement["Principal"]["Service"]
    buried = Permitted(*_burying(deployment, service, source))
    functions.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    is_rule = service == "events.amazonaws.com"
    rate = _every_minute(deployment, source) if is_rule else None
    try:
        if not is_rule:
            deployment.client("sns").publish(TopicArn=source, Message="{}")
        eventually(lambda: buried in used(deployment), f"buried for {source}", seconds=40, every=0.3)
    finally:
        functions.add_permission(
            FunctionName=function,
            StatementId=statement["Sid"],
            Action=statement["Action"],
            Principal=service,
            SourceArn=source,
        )
    if rate is not None:
        run = Permitted(function, json.dumps(statement, sort_keys=True), statement["Action"])
        try:
            eventually(lambda: run in used(deployment), f"{source} fired", seconds=40, every=0.3)
        finally:
            deployment.client("events").put_rule(**rate)


def _burying(deployment: Deployment, service: str, source: str) -> tuple[str, str, str]:
    """The one permission of the dead-letter queue by which a service buries for a source."""
    [found] = [
        one
        for one in services_let_in(deployment, "api")
        if one.action == "sqs:SendMessage" and service in one.statement and source in one.statement
    ]
    return found.policy, found.statement, found.action


def _every_minute(deployment: Deployment, rule: str) -> dict[str, Any]:
    """Have a rule fire each minute; what it was, for PutRule."""
    events, name = deployment.client("events"), rule.rpartition("/")[2]
    described = events.describe_rule(Name=name)
    was = {key: described[key] for key in ("Name", "ScheduleExpression", "State", "Description")}
    events.put_rule(**{**was, "ScheduleExpression": "rate(1 minute)"})
    return was
