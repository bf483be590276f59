"""The sandbox's own resource types: what a template says is what the service has, after every change."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[[str], Any]


def resource(type_name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": type_name, "Properties": properties}


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def allow(action: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}],
    }


def test_a_bucket_has_its_settings_and_loses_those_that_are_taken_away(stack: Any, client: Client) -> None:
    days = {"Id": "expire", "Status": "Enabled", "ExpirationInDays": 7, "Prefix": "p/"}
    block = dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    encryption = {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
    }
    full = {
        "BucketEncryption": encryption,
        "LifecycleConfiguration": {"Rules": [days]},
        "PublicAccessBlockConfiguration": block,
        "Tags": [{"Key": "campaign", "Value": "demo"}],
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    assert stack.deploy({"B": resource("AWS::S3::Bucket", **full)}) == "CREATE_COMPLETE", stack.reasons()
    s3, bucket = client("s3"), stack.physical_id("B")
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert (rule["ID"], rule["Expiration"], rule["Filter"]) == ("expire", {"Days": 7}, {"Prefix": "p/"})
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == block
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == full["Tags"]

    assert stack.deploy({"B": resource("AWS::S3::Bucket")}) == "UPDATE_COMPLETE", stack.reasons()
    assert stack.physical_id("B") == bucket
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"


def test_a_lifecycle_rule_that_the_sandbox_would_ignore_is_refused_by_name(stack: Any) -> None:
    rule = {"Status": "Enabled", "ObjectSizeLessThan": "5", "ExpirationInDays": 1}
    bucket = resource("AWS::S3::Bucket", LifecycleConfiguration={"Rules": [rule]})
    assert stack.deploy({"B": bucket}) == "ROLLBACK_COMPLETE"
    assert "ObjectSizeLessThan" in stack.reasons()


def test_a_table_changes_its_indexes_expiry_and_recovery_in_place(stack: Any, client: Client) -> None:
    def table(*indexes: str, **more: Any) -> dict[str, Any]:
        names = ("id", *indexes)
        described = {
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "SSESpecification": {"SSEEnabled": True},
        }
        if indexes:
            described["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": name,
                    "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
                for name in indexes
            ]
        return {"T": resource("AWS::DynamoDB::Table", **described, **more)}

    expiry = {"AttributeName": "e", "Enabled": True}
    assert stack.deploy(table("open", TimeToLiveSpecification=expiry)) == "CREATE_COMPLETE", stack.reasons()
    dynamodb, name = client("dynamodb"), stack.physical_id("T")
    dynamodb.put_item(TableName=name, Item={"id": {"S": "x"}})
    recovery = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    assert stack.deploy(table("closed", **recovery)) == "UPDATE_COMPLETE", stack.reasons()
    assert stack.physical_id("T") == name
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["closed"]
    assert described["ItemCount"] == 1
    assert (
        dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
        == "DISABLED"
    )
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_role_and_its_policies_follow_the_template(stack: Any, client: Client) -> None:
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    xray = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"

    def template(managed: str, inline: str, action: str) -> dict[str, Any]:
        return {
            "R": resource(
                "AWS::IAM::Role",
                AssumeRolePolicyDocument=TRUST,
                ManagedPolicyArns=[managed],
                Policies=[{"PolicyName": inline, "PolicyDocument": allow("s3:GetObject")}],
            ),
            "P": resource(
                "AWS::IAM::Policy", PolicyName="default", PolicyDocument=allow(action), Roles=[{"Ref": "R"}]
            ),
            "M": resource("AWS::IAM::ManagedPolicy", PolicyDocument=allow(action), Roles=[{"Ref": "R"}]),
        }

    assert stack.deploy(template(basic, "one", "sqs:SendMessage")) == "CREATE_COMPLETE", stack.reasons()
    assert stack.deploy(template(xray, "two", "sns:Publish")) == "UPDATE_COMPLETE", stack.reasons()
    iam, role, policy = client("iam"), stack.physical_id("R"), stack.physical_id("M")
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert {entry["PolicyArn"] for entry in attached} == {xray, policy}
    assert sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]) == ["default", "two"]
    document = iam.get_role_policy(RoleName=role, PolicyName="default")["PolicyDocument"]
    assert document == allow("sns:Publish")
    versions = iam.list_policy_versions(PolicyArn=policy)["Versions"]
    assert [version["Document"] for version in versions] == [allow("sns:Publish")]
    assert stack.delete() == "DELETE_COMPLETE", stack.reasons()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=role)


def test_a_key_rotates_and_is_scheduled_for_deletion(stack: Any, client: Client) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}],
    }

    def template(**more: Any) -> dict[str, Any]:
        key = resource("AWS::KMS::Key", KeyPolicy=policy, PendingWindowInDays=7, **more)
        alias = resource("AWS::KMS::Alias", AliasName="alias/test", TargetKeyId={"Ref": "K"})
        return {"K": key, "A": alias}

    assert stack.deploy(template()) == "CREATE_COMPLETE", stack.reasons()
    kms, key_id = client("kms"), stack.physical_id("K")
    assert not kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]
    assert stack.deploy(template(EnableKeyRotation=True, Description="x")) == "UPDATE_COMPLETE", (
        stack.reasons()
    )
    assert kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]
    assert kms.describe_key(KeyId="alias/test")["KeyMetadata"]["Description"] == "x"
    assert stack.delete() == "DELETE_COMPLETE", stack.reasons()
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_log_group_keeps_its_events_for_as_long_as_it_says(stack: Any, client: Client) -> None:
    def retention() -> int | None:
        (group,) = client("logs").describe_log_groups(logGroupNamePrefix=stack.physical_id("L"))["logGroups"]
        days: int | None = group.get("retentionInDays")
        return days

    stack.deploy({"L": resource("AWS::Logs::LogGroup", RetentionInDays=7)})
    assert retention() == 7
    stack.deploy({"L": resource("AWS::Logs::LogGroup", RetentionInDays=14)})
    assert retention() == 14
    stack.deploy({"L": resource("AWS::Logs::LogGroup")})
    assert retention() is None


def test_a_queue_and_its_policy_are_changed_in_place(stack: Any, client: Client) -> None:
    def template(seconds: int, action: str) -> dict[str, Any]:
        return {
            "Q": resource("AWS::SQS::Queue", VisibilityTimeout=seconds, SqsManagedSseEnabled=True),
            "P": resource("AWS::SQS::QueuePolicy", Queues=[{"Ref": "Q"}], PolicyDocument=allow(action)),
        }

    assert stack.deploy(template(10, "sqs:SendMessage")) == "CREATE_COMPLETE", stack.reasons()
    url = stack.physical_id("Q")
    assert stack.deploy(template(20, "sqs:*")) == "UPDATE_COMPLETE", stack.reasons()
    assert stack.physical_id("Q") == url
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "20"
    assert json.loads(attributes["Policy"]) == allow("sqs:*")


def test_a_topic_changes_its_display_name_and_stays_the_same_topic(stack: Any, client: Client) -> None:
    stack.deploy({"T": resource("AWS::SNS::Topic", DisplayName="one")})
    arn = stack.physical_id("T")
    assert stack.deploy({"T": resource("AWS::SNS::Topic", DisplayName="two")}) == "UPDATE_COMPLETE"
    assert stack.physical_id("T") == arn
    assert client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "two"


def test_a_dashboard_changes_its_body(stack: Any, client: Client) -> None:
    stack.deploy({"D": resource("AWS::CloudWatch::Dashboard", DashboardName="d", DashboardBody="{}")})
    body = '{"widgets": []}'
    assert (
        stack.deploy({"D": resource("AWS::CloudWatch::Dashboard", DashboardName="d", DashboardBody=body)})
        == "UPDATE_COMPLETE"
    )
    assert client("cloudwatch").get_dashboard(DashboardName="d")["DashboardBody"] == body


def test_a_repository_follows_the_template(stack: Any, client: Client) -> None:
    expire = {
        "rulePriority": 1,
        "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }
    policy = {"LifecyclePolicyText": json.dumps({"rules": [expire]})}
    full = {"ImageTagMutability": "IMMUTABLE", "LifecyclePolicy": policy, "RepositoryName": "images"}
    assert stack.deploy({"R": resource("AWS::ECR::Repository", **full)}) == "CREATE_COMPLETE", stack.reasons()
    ecr = client("ecr")
    (made,) = ecr.describe_repositories(repositoryNames=["images"])["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert "untagged" in ecr.get_lifecycle_policy(repositoryName="images")["lifecyclePolicyText"]

    bare = resource("AWS::ECR::Repository", RepositoryName="images")
    assert stack.deploy({"R": bare}) == "UPDATE_COMPLETE", stack.reasons()
    (changed,) = ecr.describe_repositories(repositoryNames=["images"])["repositories"]
    assert changed["imageTagMutability"] == "MUTABLE"
    with pytest.raises(ClientError, match="LifecyclePolicyNotFound"):
        ecr.get_lifecycle_policy(repositoryName="images")
    assert stack.delete() == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="RepositoryNotFound"):
        ecr.describe_repositories(repositoryNames=["images"])
