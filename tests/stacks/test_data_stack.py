"""The campaign's state: encrypted, private, forgotten in time, and gone or kept as the campaign says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stacks.synthesized import Synth, Synthesized


@pytest.fixture(scope="module")
def demo(synth: Synth) -> Synthesized:
    return synth("demo")


@pytest.mark.parametrize("bucket", ["Payloads", "Pictures"])
def test_buckets_are_encrypted_with_the_campaigns_key_and_closed_to_the_public(
    bucket: str, demo: Synthesized
) -> None:
    properties = demo.named("data", "AWS::S3::Bucket", bucket)["Properties"]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (key,) = demo.resources("data", "AWS::KMS::Key")
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": [key, "Arn"]}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}


def test_the_access_log_bucket_has_the_one_encryption_that_log_delivery_can_write(demo: Synthesized) -> None:
    properties = demo.named("data", "AWS::S3::Bucket", "AccessLogs")["Properties"]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@pytest.mark.parametrize("bucket", ["AccessLogs", "Payloads", "Pictures"])
def test_every_bucket_refuses_requests_without_tls(bucket: str, demo: Synthesized) -> None:
    policy = demo.named("data", "AWS::S3::BucketPolicy", f"{bucket}Policy")["Properties"]["PolicyDocument"]
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    (statement,) = [each for each in policy["Statement"] if each.get("Condition") == insecure]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == (
        "Deny",
        "s3:*",
        {"AWS": "*"},
    )


@pytest.mark.parametrize(("time_to_live", "days"), [("1h", 2), ("1d", 2), ("25h", 3), ("7d", 8)])
def test_pictures_outlive_the_cache_by_a_day_at_least(
    time_to_live: str, days: int, resolve: Any, synth: Synth
) -> None:
    overrides = {} if time_to_live == "1d" else {"cache": {"time_to_live": time_to_live}}
    synthesized = synth("demo", **overrides)
    rules = synthesized.named("data", "AWS::S3::Bucket", "Pictures")["Properties"]["LifecycleConfiguration"][
        "Rules"
    ]
    assert rules == [
        {
            "Id": "expire",
            "Status": "Enabled",
            "ExpirationInDays": days,
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
    ]


def test_the_job_table_has_the_keys_of_the_seam(demo: Synthesized) -> None:
    table = demo.only("data", "AWS::DynamoDB::Table")
    assert table["KeySchema"] == [{"AttributeName": "job_id", "KeyType": "HASH"}]
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "open"
    assert index["KeySchema"] == [
        {"AttributeName": "open_since_bucket", "KeyType": "HASH"},
        {"AttributeName": "updated_at", "KeyType": "RANGE"},
    ]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"]["SSEType"] == "KMS"


def test_every_bucket_is_emptied_before_it_is_destroyed(demo: Synthesized) -> None:
    buckets = set(demo.resources("data", "AWS::S3::Bucket"))
    cleanups = demo.resources("data", "Custom::BucketCleanup").values()
    assert {each["Properties"]["BucketName"]["Ref"] for each in cleanups} == buckets
    (function,) = demo.resources("data", "AWS::Lambda::Function")
    for cleanup in cleanups:
        assert cleanup["Properties"]["ServiceToken"] == {"Fn::GetAtt": [function, "Arn"]}


def test_a_bucket_is_emptied_while_the_permission_to_empty_it_still_exists(demo: Synthesized) -> None:
    policies = demo.resources("data", "AWS::IAM::Policy")
    for id, cleanup in demo.resources("data", "Custom::BucketCleanup").items():
        bucket = cleanup["Properties"]["BucketName"]["Ref"]
        (policy,) = [name for name in cleanup["DependsOn"] if name in policies]
        statements = policies[policy]["Properties"]["PolicyDocument"]["Statement"]
        assert {"Fn::GetAtt": [bucket, "Arn"]} in [each["Resource"] for each in statements], id


def test_the_access_logs_are_emptied_after_the_buckets_that_log_to_it_are_gone(demo: Synthesized) -> None:
    (logs_cleanup,) = [
        id for id in demo.resources("data", "Custom::BucketCleanup") if id.startswith("AccessLogs")
    ]
    for bucket in ("Payloads", "Pictures"):
        assert logs_cleanup in demo.named("data", "AWS::S3::Bucket", bucket)["DependsOn"]


STATE = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::BucketPolicy")


def test_delete_leaves_nothing(demo: Synthesized) -> None:
    for type in STATE[:3]:
        for resource in demo.resources("data", type).values():
            assert resource["DeletionPolicy"] == "Delete"


def test_keep_keeps_pictures_table_and_key_and_does_not_empty_the_pictures(synth: Synth) -> None:
    kept = synth("demo", retention="keep")
    resources = kept.template("data")["Resources"]
    retained = {id for id, each in resources.items() if each.get("DeletionPolicy") == "Retain"}
    kinds = sorted(resources[id]["Type"] for id in retained if resources[id]["Type"] in STATE[:3])
    assert kinds == ["AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket"]
    emptied = [
        each["Properties"]["BucketName"]["Ref"]
        for each in kept.resources("data", "Custom::BucketCleanup").values()
    ]
    assert not retained & set(emptied)
    assert len(emptied) == 2


def test_kept_pictures_keep_the_policy_that_protects_them(synth: Synth) -> None:
    kept = synth("demo", retention="keep")
    assert kept.named("data", "AWS::S3::BucketPolicy", "PicturesPolicy")["DeletionPolicy"] == "Retain"


def test_alarms_and_the_campaign_s_logs_and_nobody_else_may_use_the_key_as_a_service(
    demo: Synthesized,
) -> None:
    statements = demo.only("data", "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    services = {
        each["Principal"]["Service"]: each["Condition"]["ArnLike"]
        for each in statements
        if "Service" in each["Principal"]
    }
    groups = "arn:aws:logs:us-east-1:123456789012:log-group:"
    assert services == {
        "cloudwatch.amazonaws.com": {
            "aws:SourceArn": ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:demo-*"]
        },
        "logs.us-east-1.amazonaws.com": {
            "kms:EncryptionContext:aws:logs:arn": [
                f"{groups}/darkroom/demo/*",
                f"{groups}/aws/sagemaker/Endpoints/demo",
                f"{groups}aws-waf-logs-darkroom-demo",
            ]
        },
    }
