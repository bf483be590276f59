"""What exists is imported into a stack by CloudFormation's rules, and is the stack's from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[[str], Any]

KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
POLICY = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"}]}


def data(**more: Any) -> dict[str, Any]:
    """A key, a bucket encrypted with it, its policy, a table."""
    return {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": True}, **KEPT},
        "Pictures": {"Type": "AWS::S3::Bucket", "Properties": {**more}, **KEPT},
        "PicturesPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Pictures"}, "PolicyDocument": POLICY},
            **KEPT,
        },
        "Jobs": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
            **KEPT,
        },
    }


def left_behind(stack: Any) -> dict[str, tuple[str, dict[str, str]]]:
    """Deploy :func:`data`, delete the stack, and say how what is kept is imported."""
    assert stack.deploy(data()) == "CREATE_COMPLETE"
    key, bucket, table = (stack.physical_id(name) for name in ("Key", "Pictures", "Jobs"))
    assert stack.delete() == "DELETE_COMPLETE"
    return {
        "Key": ("AWS::KMS::Key", {"KeyId": key}),
        "Pictures": ("AWS::S3::Bucket", {"BucketName": bucket}),
        "PicturesPolicy": ("AWS::S3::BucketPolicy", {"Bucket": bucket}),
        "Jobs": ("AWS::DynamoDB::Table", {"TableName": table}),
    }


def test_what_a_deleted_stack_kept_is_the_next_ones(stack: Any, client: Client) -> None:
    kept = left_behind(stack)
    client("s3").put_object(Bucket=kept["Pictures"][1]["BucketName"], Key="a", Body=b"picture")

    assert stack.take_over(data(), kept) == "IMPORT_COMPLETE"
    assert {name: stack.physical_id(name) for name in kept} == {
        name: next(iter(identifier.values())) for name, (_, identifier) in kept.items()
    }
    # What follows is an update: what the template says anew is done, the rest stays.
    tags = [{"Key": "now", "Value": "here"}]
    status = stack.deploy(
        {**data(Tags=tags), "New": {"Type": "AWS::SNS::Topic"}},
        Outputs={"Arn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}},
    )
    assert status == "UPDATE_COMPLETE"
    bucket = kept["Pictures"][1]["BucketName"]
    assert stack.physical_id("Pictures") == bucket
    assert client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    assert client("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"picture"
    assert stack.outputs()["Arn"].endswith(stack.physical_id("Key"))
    assert stack.delete() == "DELETE_COMPLETE"
    client("s3").head_bucket(Bucket=bucket)


def test_a_stack_that_makes_a_policy_where_one_is_fails(stack: Any) -> None:
    kept = left_behind(stack)
    given = data()["PicturesPolicy"]
    given["Properties"]["Bucket"] = kept["Pictures"][1]["BucketName"]
    stack.id = stack.name
    assert stack.deploy({"PicturesPolicy": given}) == "ROLLBACK_COMPLETE"
    assert "The bucket policy already exists" in stack.reasons()


def _without_policy(resources: dict[str, Any]) -> None:
    del resources["Key"]["DeletionPolicy"]


def _one_more(resources: dict[str, Any]) -> None:
    resources["New"] = {"Type": "AWS::SNS::Topic"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_without_policy, r"\[Key\] is missing deletionPolicy"),
        (_one_more, r"\['New'\] .* not being imported"),
    ],
)
def test_an_import_that_cloudformation_refuses_is_refused(
    stack: Any, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    kept, resources = left_behind(stack), data()
    change(resources)
    with pytest.raises(ClientError, match=complaint):
        stack.take_over(resources, kept)


def test_an_identifier_is_the_one_of_the_types_schema(stack: Any) -> None:
    kept = left_behind(stack)
    wrong = {**kept, "Key": ("AWS::KMS::Key", {"Arn": "x"})}
    with pytest.raises(ClientError, match="AWS::KMS::Key is identified by KeyId, not by Arn"):
        stack.take_over(data(), wrong)


def test_what_does_not_exist_takes_the_import_back(stack: Any) -> None:
    kept = left_behind(stack)
    missing = {**kept, "Jobs": ("AWS::DynamoDB::Table", {"TableName": "nobody"})}
    assert stack.take_over(data(), missing) == "IMPORT_ROLLBACK_COMPLETE"
    assert stack.api.describe_stack_resources(StackName=stack.id)["StackResources"] == []


def test_what_another_stack_has_stays_there(stack: Any, client: Client) -> None:
    kept = left_behind(stack)
    assert stack.take_over(data(), kept) == "IMPORT_COMPLETE"
    first, stack.name, stack.id = stack.name, f"{stack.name}-2", f"{stack.name}-2"
    with pytest.raises(ClientError, match=f"already managed by stack {first}"):
        stack.take_over(data(), kept)
