"""Services that act as themselves: let in by the resource's policy, for their own source, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.sandbox.process import REGION, SandboxProcess
from tests.darkroom.sandbox.iam.test_iam_enforcement import ACCOUNT
from tests.darkroom.sandbox.request_path.conftest import package
from tests.eventually import eventually

ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:told-*"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def let(service: str, actions: str | list[str], resource: str, source: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": actions,
        "Resource": resource,
        "Condition": {"ArnLike": {"aws:SourceArn": source}},
    }


DEFAULT_KEY = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


@pytest.fixture
def key(local_aws: SandboxProcess) -> str:
    return str(local_aws.client("kms").create_key()["KeyMetadata"]["Arn"])


def put_key_policy(aws: SandboxProcess, key: str, *statements: dict[str, Any]) -> None:
    policy = document(DEFAULT_KEY, *statements)
    aws.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)


@pytest.fixture
def topic(local_aws: SandboxProcess, key: str) -> Iterator[str]:
    sns = local_aws.client("sns")
    made = sns.create_topic(Name="told", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    yield str(made)
    sns.delete_topic(TopicArn=made)


def put_topic_policy(aws: SandboxProcess, topic: str, *statements: dict[str, Any]) -> None:
    aws.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=document(*statements)
    )


def said_by_alarm(aws: SandboxProcess, name: str, topic: str) -> str:
    """Have an alarm go off; what its history says of its action."""
    alarms = aws.client("cloudwatch")
    alarms.put_metric_alarm(
        AlarmName=name,
        Namespace="Told",
        MetricName="M",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    alarms.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    history = alarms.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
    alarms.delete_alarms(AlarmNames=[name])
    return str(history[0]["HistorySummary"]) + str(history[0]["HistoryData"])


def test_an_alarm_tells_a_topic_whose_policy_and_key_let_it(
    local_aws: SandboxProcess, topic: str, key: str
) -> None:
    cloudwatch = "cloudwatch.amazonaws.com"
    with_key = let(cloudwatch, ["kms:Decrypt", "kms:GenerateDataKey"], "*", ALARM)
    put_topic_policy(local_aws, topic, let(cloudwatch, "sns:Publish", topic, ALARM))
    assert f"kms:GenerateDataKey on resource: {key}" in said_by_alarm(local_aws, "told-1", topic)
    put_key_policy(local_aws, key, with_key)
    assert "Successfully" in said_by_alarm(local_aws, "told-2", topic)
    assert f"sns:Publish on resource: {topic}" in said_by_alarm(local_aws, "other", topic)
    put_topic_policy(local_aws, topic, let("events.amazonaws.com", "sns:Publish", topic, ALARM))
    said = said_by_alarm(local_aws, "told-3", topic)
    assert "because no resource-based policy allows the sns:Publish action" in said
    told = [one for one in local_aws.notifications() if one["topic"] == topic]
    assert len(told) == 1


def test_an_alarm_may_tell_a_topic_that_has_its_first_policy(local_aws: SandboxProcess) -> None:
    topic = local_aws.client("sns").create_topic(Name="plain")["TopicArn"]
    assert "Successfully" in said_by_alarm(local_aws, "told-4", topic)
    local_aws.client("sns").delete_topic(TopicArn=topic)


def test_a_budget_is_not_made_before_its_topic_lets_it_speak(
    local_aws: SandboxProcess, topic: str, key: str
) -> None:
    budgets = local_aws.client("budgets")
    wanted: dict[str, Any] = {
        "AccountId": ACCOUNT,
        "Budget": {
            "BudgetName": "told",
            "BudgetLimit": {"Amount": "5", "Unit": "USD"},
            "TimeUnit": "MONTHLY",
            "BudgetType": "COST",
        },
        "NotificationsWithSubscribers": [
            {
                "Notification": {
                    "NotificationType": "ACTUAL",
                    "ComparisonOperator": "GREATER_THAN",
                    "Threshold": 80.0,
                },
                "Subscribers": [{"SubscriptionType": "SNS", "Address": topic}],
            }
        ],
    }
    put_topic_policy(local_aws, topic, let("cloudwatch.amazonaws.com", "sns:Publish", topic, ALARM))
    with pytest.raises(
        ClientError, match=r"Invalid SNS topic.*no resource-based policy allows the sns:Publish"
    ):
        budgets.create_budget(**wanted)
    mine, principal = f"arn:aws:budgets::{ACCOUNT}:*", "budgets.amazonaws.com"
    put_topic_policy(local_aws, topic, let(principal, "sns:Publish", topic, mine))
    put_key_policy(local_aws, key, let(principal, ["kms:Decrypt", "kms:GenerateDataKey"], "*", mine))
    budgets.create_budget(**wanted)
    budgets.delete_budget(AccountId=ACCOUNT, BudgetName="told")


def test_a_log_group_is_encrypted_with_a_key_that_lets_logs_use_it_for_that_group(
    local_aws: SandboxProcess, key: str
) -> None:
    logs = local_aws.client("logs")
    with pytest.raises(ClientError, match="not allowed to be used with Arn") as error:
        logs.create_log_group(logGroupName="/own/one", kmsKeyId=key)
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    assert logs.describe_log_groups(logGroupNamePrefix="/own/")["logGroups"] == []
    groups = {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/own/*"}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        "Resource": "*",
        "Condition": {"ArnLike": groups},
    }
    put_key_policy(local_aws, key, statement)
    logs.create_log_group(logGroupName="/own/one", kmsKeyId=key)
    with pytest.raises(ClientError, match="not allowed to be used with Arn"):
        logs.create_log_group(logGroupName="/another/one", kmsKeyId=key)
    logs.delete_log_group(logGroupName="/own/one")


def test_sns_puts_into_a_dead_letter_queue_what_the_queue_s_policy_lets_it(local_aws: SandboxProcess) -> None:
    sns, sqs = local_aws.client("sns"), local_aws.client("sqs")
    topic = sns.create_topic(Name="buried")["TopicArn"]
    url = sqs.create_queue(QueueName="buried")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:buried"
    nowhere = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:nowhere"
    made = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=nowhere, ReturnSubscriptionArn=True)
    policy = json.dumps({"deadLetterTargetArn": queue})
    sns.set_subscription_attributes(
        SubscriptionArn=made["SubscriptionArn"], AttributeName="RedrivePolicy", AttributeValue=policy
    )

    def buried() -> int:
        counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(counted["Attributes"]["ApproximateNumberOfMessages"])

    sns.publish(TopicArn=topic, Message="lost")
    assert buried() == 0
    refused = [one for one in local_aws.permissions() if one["resource"] == queue]
    assert [(one["role"], one["action"], one["allowed"]) for one in refused] == [
        ("sns.amazonaws.com", "sqs:SendMessage", False)
    ]
    statement = let("sns.amazonaws.com", "sqs:SendMessage", queue, topic)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(statement)})
    sns.publish(TopicArn=topic, Message="kept")
    assert buried() == 1
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=url)


def test_a_rule_that_may_not_run_its_function_nor_bury_the_event_is_noted(local_aws: SandboxProcess) -> None:
    events, functions = local_aws.client("events"), local_aws.client("lambda")
    sqs, iam = local_aws.client("sqs"), local_aws.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = iam.create_role(RoleName="scheduled", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    function = functions.create_function(
        FunctionName="scheduled",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": package({"index.py": "def handler(event, context):\n    return 1\n"})},
    )["FunctionArn"]
    url = sqs.create_queue(QueueName="unheard")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:unheard"
    rule = events.put_rule(Name="scheduled", ScheduleExpression="rate(1 minute)")["RuleArn"]
    target = {"Id": "it", "Arn": function, "DeadLetterConfig": {"Arn": queue}}
    events.put_targets(Rule="scheduled", Targets=[target])

    def known(resource: str, allowed: bool) -> bool:
        return any(
            one["role"] == "events.amazonaws.com"
            and one["resource"] == resource
            and one["allowed"] is allowed
            for one in local_aws.permissions()
        )

    local_aws.set_speed(240)
    try:
        eventually(lambda: known(function, False) and known(queue, False), "both refused", seconds=20)
        statement = let("events.amazonaws.com", "sqs:SendMessage", queue, rule)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(statement)})
        eventually(lambda: known(queue, True), "the event buried", seconds=20)
        functions.add_permission(
            FunctionName="scheduled",
            StatementId="schedule",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=rule,
        )
        eventually(lambda: known(function, True), "the function run", seconds=20)
    finally:
        local_aws.set_speed(1)
        events.remove_targets(Rule="scheduled", Ids=["it"])
        events.delete_rule(Name="scheduled")
        functions.delete_function(FunctionName="scheduled")
        sqs.delete_queue(QueueUrl=url)
