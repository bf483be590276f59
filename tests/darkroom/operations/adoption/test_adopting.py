"""`darkroom adopt` refuses what it can't do right, and leaves nothing behind then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from darkroom.operations.adopting import AdoptionError, adopt
from darkroom.sandbox.process import REGION, SandboxProcess


class _Session(boto3.Session):  # type: ignore[misc]  # boto3 has no types
    """A session whose clients talk to a sandbox."""

    def __init__(self, url: str) -> None:
        super().__init__(aws_access_key_id="x", aws_secret_access_key="x", region_name=REGION)
        self._url = url

    def client(self, service: str, **more: Any) -> Any:
        return super().client(service, endpoint_url=self._url, **more)


@pytest.fixture(scope="module")
def session() -> Iterator[_Session]:
    with SandboxProcess() as sandbox:
        yield _Session(sandbox.url)


def _keep(session: _Session, holds: str = "pictures", name: str = "kept-pictures") -> tuple[str, str]:
    """A key, and a bucket or table encrypted with it, as a demo that is gone left them."""
    tags = {"darkroom:campaign": "demo", "darkroom:holds": "key"}
    key = session.client("kms").create_key(Tags=[{"TagKey": k, "TagValue": v} for k, v in tags.items()])
    arn, s3 = key["KeyMetadata"]["Arn"], session.client("s3")
    s3.create_bucket(Bucket=name)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    bucket = {**tags, "darkroom:holds": holds}
    s3.put_bucket_tagging(
        Bucket=name, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in bucket.items()]}
    )
    return key["KeyMetadata"]["KeyId"], name


def _forget(session: _Session, *kept: tuple[str, str]) -> None:
    for key, bucket in kept:
        session.client("s3").delete_bucket(Bucket=bucket)
        session.client("kms").schedule_key_deletion(KeyId=key)


def _stacks(session: _Session) -> list[str]:
    found = session.client("cloudformation").describe_stacks()["Stacks"]
    return [one["StackName"] for one in found]


def test_where_nothing_was_kept_there_is_nothing_to_adopt(session: _Session) -> None:
    with pytest.raises(AdoptionError, match="no earlier deployment of demo kept anything here: just deploy"):
        adopt("demo", print, session=session)


def test_of_several_generations_one_is_chosen_by_its_key(session: _Session) -> None:
    first, second = _keep(session, name="one"), _keep(session, name="two")
    with pytest.raises(AdoptionError, match="say which to adopt") as refused:
        adopt("demo", print, session=session)
    for key, bucket in (first, second):
        assert f"--key {key}: key {key}, pictures {bucket}" in str(refused.value)
    assert _stacks(session) == []

    reported: list[str] = []
    adopt("demo", reported.append, key=second[0], session=session)
    assert reported == [f"key: {second[0]}", "pictures: two"]
    assert _stacks(session) == ["demo-data"]
    resources = session.client("cloudformation").describe_stack_resources(StackName="demo-data")
    assert {one["PhysicalResourceId"] for one in resources["StackResources"]} >= set(second)
    # The other generation is still nobody's; this one is taken.
    with pytest.raises(AdoptionError, match="the stack demo-data is there"):
        adopt("demo", print, key=first[0], session=session)
    _forget(session, first)
    session.client("cloudformation").delete_stack(StackName="demo-data")  # retention: delete
    assert _stacks(session) == []


def test_what_cannot_be_imported_leaves_no_stack_and_takes_nothing(session: _Session) -> None:
    # Bundles are of a campaign with a build section, which the demo has not.
    kept = _keep(session, "bundles", "stray")
    with pytest.raises(AdoptionError, match="bundles stray was kept"):
        adopt("demo", print, session=session)
    assert _stacks(session) == []
    _forget(session, kept)


def test_what_another_stack_has_by_now_is_not_taken_from_it(session: _Session) -> None:
    kept = _keep(session, name="wanted")
    cloudformation = session.client("cloudformation")
    bucket = {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}, "DeletionPolicy": "Retain"}}
    made = cloudformation.create_change_set(
        StackName="other",
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": bucket}),
        ResourcesToImport=[
            {
                "ResourceType": "AWS::S3::Bucket",
                "LogicalResourceId": "Bucket",
                "ResourceIdentifier": {"BucketName": "wanted"},
            }
        ],
    )
    cloudformation.execute_change_set(ChangeSetName=made["Id"])
    with pytest.raises(AdoptionError, match="already managed by stack other"):
        adopt("demo", print, session=session)
    assert _stacks(session) == ["other"]
    cloudformation.delete_stack(StackName="other")
    _forget(session, kept)
