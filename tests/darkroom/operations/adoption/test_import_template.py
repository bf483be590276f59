"""What a kept campaign's stack is imported from: the kept resources, and nothing that refers to others."""

from __future__ import annotations

from typing import Any

import pytest

from darkroom.operations.adopting import AdoptionError, import_template
from darkroom.operations.kept import Generation, Kept

KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def tags(holds: str) -> list[dict[str, str]]:
    return [{"Key": "darkroom:campaign", "Value": "spring"}, {"Key": "darkroom:holds", "Value": holds}]


TEMPLATE: dict[str, Any] = {
    "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>"}},
    "Resources": {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {
                "Tags": tags("key"),
                "KeyPolicy": {"Statement": [{"Principal": {"AWS": {"Fn::Sub": "arn:${AWS::AccountId}"}}}]},
                "Description": {"Ref": "AWS::StackName"},
            },
            **KEPT,
        },
        "Logs": {"Type": "AWS::S3::Bucket", "Properties": {}, **KEPT},
        "Pictures": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "Tags": tags("pictures"),
                "BucketEncryption": {"Rules": [{"Key": {"Fn::GetAtt": ["Key", "Arn"]}}]},
                "LoggingConfiguration": {"DestinationBucketName": {"Ref": "Logs"}},
            },
            "DependsOn": ["Logs"],
            "Metadata": {"aws:cdk:path": "x"},
            **KEPT,
        },
        "PicturesPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Pictures"}, "PolicyDocument": {}},
            **KEPT,
        },
        "LogsPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Logs"}}, **KEPT},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"Tags": [{"Key": "darkroom:campaign"}]}},
    },
    "Outputs": {"Name": {"Value": {"Ref": "Pictures"}}},
}
KEY = Kept("key", "1234", "1234")
PICTURES = Kept("pictures", "spring-data-pictures-x", "1234")


def test_it_has_the_kept_resources_and_their_policies_alone() -> None:
    resources = import_template(TEMPLATE, Generation("1234", (KEY, PICTURES)))
    assert list(resources) == ["Key", "Pictures", "PicturesPolicy"]
    # CloudFormation imports nothing without a DeletionPolicy.
    assert {one["DeletionPolicy"] for one in resources.values()} == {"Retain"}
    assert resources["Key"]["Properties"] == TEMPLATE["Resources"]["Key"]["Properties"]


def test_what_refers_to_what_is_not_kept_is_left_to_the_deployment() -> None:
    pictures = import_template(TEMPLATE, Generation("1234", (KEY, PICTURES)))["Pictures"]
    assert pictures["Properties"].keys() == {"Tags", "BucketEncryption"}
    assert "DependsOn" not in pictures
    alone = import_template(TEMPLATE, Generation("1234", (PICTURES,)))["Pictures"]
    assert alone["Properties"].keys() == {"Tags"}


def test_what_the_campaign_has_no_place_for_is_told() -> None:
    bundles = Kept("bundles", "spring-data-bundles-x", "1234")
    with pytest.raises(AdoptionError, match=r"bundles spring-data-bundles-x was kept.* a build section"):
        import_template(TEMPLATE, Generation("1234", (KEY, bundles)))


def test_two_of_a_kind_under_one_key_are_not_chosen_between() -> None:
    second = Kept("pictures", "spring-data-pictures-y", "1234")
    with pytest.raises(AdoptionError, match="pictures-x and spring-data-pictures-y both hold"):
        import_template(TEMPLATE, Generation("1234", (KEY, PICTURES, second)))
