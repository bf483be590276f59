"""AWS::KMS::Key and AWS::KMS::Alias."""

from __future__ import annotations

import json

from darkroom.sandbox.cloudformation.handler import (
    HandlerRequest,
    Resource,
    ResourceHandler,
    undone_on_failure,
)

# https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
_DEFAULT_PENDING_DAYS = 30


class Key(ResourceHandler):
    """A key. Deleting it schedules its deletion, as on AWS."""

    type_name = "AWS::KMS::Key"
    properties = frozenset(
        {
            "Description",
            "Enabled",
            "EnableKeyRotation",
            "KeyPolicy",
            "KeySpec",
            "KeyUsage",
            "PendingWindowInDays",
            "Tags",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        given, kms = request.properties, request.client("kms")
        policy = {"Policy": json.dumps(given["KeyPolicy"])} if "KeyPolicy" in given else {}
        made = kms.create_key(
            Description=given.get("Description", ""),
            KeySpec=given.get("KeySpec", "SYMMETRIC_DEFAULT"),
            KeyUsage=given.get("KeyUsage", "ENCRYPT_DECRYPT"),
            Tags=[{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in given.get("Tags", [])],
            **policy,
        )["KeyMetadata"]
        with undone_on_failure(lambda: kms.schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)):
            _switch(request, made["KeyId"])
        return Resource(made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]})

    def update(self, request: HandlerRequest) -> Resource:
        given, kms, key_id = request.properties, request.client("kms"), request.physical_id
        if request.changed("KeyPolicy"):
            kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(given["KeyPolicy"]))
        if request.changed("Description"):
            kms.update_key_description(KeyId=key_id, Description=given.get("Description", ""))
        if request.changed("Tags"):
            old = [tag["Key"] for tag in request.previous_properties.get("Tags", [])]
            kms.untag_resource(KeyId=key_id, TagKeys=old)
            tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in given.get("Tags", [])]
            kms.tag_resource(KeyId=key_id, Tags=tags)
        _switch(request, key_id)
        arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
        return Resource(key_id, {"Arn": arn, "KeyId": key_id})

    def find(self, request: HandlerRequest) -> Resource:
        found = request.client("kms").describe_key(KeyId=request.physical_id)["KeyMetadata"]
        if found["KeyState"] == "PendingDeletion":
            raise ValueError(f"{found['Arn']} is pending deletion.")
        return Resource(found["KeyId"], {"Arn": found["Arn"], "KeyId": found["KeyId"]})

    def delete(self, request: HandlerRequest) -> None:
        request.client("kms").schedule_key_deletion(
            KeyId=request.physical_id,
            PendingWindowInDays=request.properties.get("PendingWindowInDays", _DEFAULT_PENDING_DAYS),
        )


def _switch(request: HandlerRequest, key_id: str) -> None:
    """Turn rotation and the key itself on or off."""
    kms = request.client("kms")
    if request.changed("EnableKeyRotation"):
        rotates = request.properties.get("EnableKeyRotation", False)
        (kms.enable_key_rotation if rotates else kms.disable_key_rotation)(KeyId=key_id)
    if request.changed("Enabled"):
        enabled = request.properties.get("Enabled", True)
        (kms.enable_key if enabled else kms.disable_key)(KeyId=key_id)


class Alias(ResourceHandler):
    """An alias of a key."""

    type_name = "AWS::KMS::Alias"
    properties = frozenset({"AliasName", "TargetKeyId"})

    def create(self, request: HandlerRequest) -> Resource:
        name, key = request.properties["AliasName"], request.properties["TargetKeyId"]
        request.client("kms").create_alias(AliasName=name, TargetKeyId=key)
        return Resource(name)

    def update(self, request: HandlerRequest) -> Resource:
        key = request.properties["TargetKeyId"]
        request.client("kms").update_alias(AliasName=request.physical_id, TargetKeyId=key)
        return Resource(request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("kms").delete_alias(AliasName=request.physical_id)
