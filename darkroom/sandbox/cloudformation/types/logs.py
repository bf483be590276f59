"""AWS::Logs::LogGroup."""

from __future__ import annotations

from darkroom.sandbox.cloudformation.handler import (
    HandlerRequest,
    Resource,
    ResourceHandler,
    undone_on_failure,
)


class LogGroup(ResourceHandler):
    """A log group with its retention."""

    type_name = "AWS::Logs::LogGroup"
    properties = frozenset({"KmsKeyId", "LogGroupClass", "LogGroupName", "RetentionInDays", "Tags"})

    def create(self, request: HandlerRequest) -> Resource:
        given, logs = request.properties, request.client("logs")
        name = given.get("LogGroupName") or request.default_name(512)
        options = {
            "kmsKeyId": given.get("KmsKeyId"),
            "logGroupClass": given.get("LogGroupClass"),
            "tags": {tag["Key"]: tag["Value"] for tag in given.get("Tags", [])},
        }
        logs.create_log_group(logGroupName=name, **{key: value for key, value in options.items() if value})
        with undone_on_failure(lambda: logs.delete_log_group(logGroupName=name)):
            _retain(request, name)
        return Resource(name, {"Arn": _arn(request, name)})

    def update(self, request: HandlerRequest) -> Resource:
        logs, name = request.client("logs"), request.physical_id
        _retain(request, name)
        if request.changed("KmsKeyId"):
            key = request.properties.get("KmsKeyId")
            if key:
                logs.associate_kms_key(logGroupName=name, kmsKeyId=key)
            else:
                logs.disassociate_kms_key(logGroupName=name)
        if request.changed("Tags"):
            old = [tag["Key"] for tag in request.previous_properties.get("Tags", [])]
            new = {tag["Key"]: tag["Value"] for tag in request.properties.get("Tags", [])}
            logs.untag_log_group(logGroupName=name, tags=old)
            logs.tag_log_group(logGroupName=name, tags=new)
        return Resource(name, {"Arn": _arn(request, name)})

    def delete(self, request: HandlerRequest) -> None:
        request.client("logs").delete_log_group(logGroupName=request.physical_id)


def _retain(request: HandlerRequest, name: str) -> None:
    if request.changed("RetentionInDays"):
        logs, days = request.client("logs"), request.properties.get("RetentionInDays")
        if days is None:
            logs.delete_retention_policy(logGroupName=name)
        else:
            logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))


def _arn(request: HandlerRequest, name: str) -> str:
    return f"arn:aws:logs:{request.region}:{request.account_id}:log-group:{name}:*"
