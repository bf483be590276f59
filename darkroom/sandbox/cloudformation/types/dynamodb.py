"""AWS::DynamoDB::Table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darkroom.sandbox.cloudformation.handler import (
    HandlerRequest,
    Resource,
    ResourceHandler,
    undone_on_failure,
)

_SAME_IN_THE_API = (
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "TableClass",
    "Tags",
)
_UPDATABLE = ("BillingMode", "DeletionProtectionEnabled", "ProvisionedThroughput", "TableClass")
_INDEX = frozenset({"IndexName", "KeySchema", "Projection", "ProvisionedThroughput"})


class Table(ResourceHandler):
    """A table with its indexes, time to live, point-in-time recovery, encryption and stream."""

    type_name = "AWS::DynamoDB::Table"
    properties = frozenset(
        {
            *_SAME_IN_THE_API,
            "GlobalSecondaryIndexes",
            "PointInTimeRecoverySpecification",
            "SSESpecification",
            "StreamSpecification",
            "TableName",
            "TimeToLiveSpecification",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        given, dynamodb = request.properties, request.client("dynamodb")
        name = given.get("TableName") or request.default_name(255)
        settings = {key: given[key] for key in _SAME_IN_THE_API if key in given}
        if "GlobalSecondaryIndexes" in given:
            settings["GlobalSecondaryIndexes"] = list(_indexes(given).values())
        if "SSESpecification" in given:
            settings["SSESpecification"] = _encryption(given)
        if "StreamSpecification" in given:
            settings["StreamSpecification"] = _stream(given)
        dynamodb.create_table(TableName=name, **settings)
        with undone_on_failure(lambda: dynamodb.delete_table(TableName=name)):
            _set_expiry_and_recovery(request, name)
        return _described(request, name)

    def update(self, request: HandlerRequest) -> Resource:
        given, dynamodb, name = request.properties, request.client("dynamodb"), request.physical_id
        settings = {key: given[key] for key in _UPDATABLE if request.changed(key) and key in given}
        if request.changed("SSESpecification"):
            settings["SSESpecification"] = _encryption(given)
        if request.changed("StreamSpecification"):
            settings["StreamSpecification"] = _stream(given)
        if settings:
            dynamodb.update_table(TableName=name, **settings)
        for change in _index_changes(_indexes(request.previous_properties), _indexes(given)):
            # One index a call is DynamoDB's limit.
            dynamodb.update_table(
                TableName=name,
                AttributeDefinitions=given["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[change],
            )
        _set_expiry_and_recovery(request, name)
        resource = _described(request, name)
        if request.changed("Tags"):
            arn = resource.attributes["Arn"]
            old = [tag["Key"] for tag in request.previous_properties.get("Tags", [])]
            dynamodb.untag_resource(ResourceArn=arn, TagKeys=old)
            dynamodb.tag_resource(ResourceArn=arn, Tags=given.get("Tags", []))
        return resource

    def find(self, request: HandlerRequest) -> Resource:
        return _described(request, request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("dynamodb").delete_table(TableName=request.physical_id)


def _described(request: HandlerRequest, name: str) -> Resource:
    table = request.client("dynamodb").describe_table(TableName=name)["Table"]
    attributes = {"Arn": table["TableArn"]}
    if "LatestStreamArn" in table:
        attributes["StreamArn"] = table["LatestStreamArn"]
    return Resource(name, attributes)


def _indexes(properties: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    indexes = properties.get("GlobalSecondaryIndexes", [])
    for index in indexes:
        if index.keys() - _INDEX:
            raise ValueError(
                f"the local AWS does not play {sorted(index.keys() - _INDEX)} of a table's index"
            )
    return {index["IndexName"]: index for index in indexes}


def _index_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    gone = [name for name in old if new.get(name) != old[name]]
    made = [name for name in new if new[name] != old.get(name)]
    return [
        *({"Delete": {"IndexName": name}} for name in gone),
        *({"Create": new[name]} for name in made),
    ]


def _encryption(properties: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(properties.get("SSESpecification", {"SSEEnabled": False}))
    return {"Enabled": given.pop("SSEEnabled"), **given}


def _stream(properties: Mapping[str, Any]) -> dict[str, Any]:
    if "StreamSpecification" not in properties:
        return {"StreamEnabled": False}
    return {"StreamEnabled": True, **properties["StreamSpecification"]}


def _set_expiry_and_recovery(request: HandlerRequest, name: str) -> None:
    given, dynamodb = request.properties, request.client("dynamodb")
    if request.changed("TimeToLiveSpecification"):
        old = request.previous_properties.get("TimeToLiveSpecification", {})
        expiry = given.get("TimeToLiveSpecification") or {**old, "Enabled": False}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
    if request.changed("PointInTimeRecoverySpecification"):
        recovery = given.get("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False})
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
