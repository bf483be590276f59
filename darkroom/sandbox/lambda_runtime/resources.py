"""Lambda's CloudFormation types."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any, ClassVar

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler

# What a property is when a template doesn't name it, so that taking it out of one has its effect.
_CONFIGURATION: dict[str, Any] = {
    "Architectures": ["x86_64"],
    "DeadLetterConfig": {},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "Handler": "",
    "Layers": [],
    "LoggingConfig": {},
    "MemorySize": 128,
    "Role": "",
    "Runtime": "",
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {},
}


class FunctionType(ResourceHandler):
    """AWS::Lambda::Function."""

    type_name: ClassVar[str] = "AWS::Lambda::Function"
    properties: ClassVar[frozenset[str]] = frozenset(
        {*_CONFIGURATION, "Code", "FunctionName", "ReservedConcurrentExecutions", "Tags"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        name = request.properties.get("FunctionName") or request.default_name()
        given = {key: value for key, value in request.properties.items() if key in _CONFIGURATION}
        request.client("lambda").create_function(
            FunctionName=name, Code=_code(request.properties), Tags=_tags(request.properties), **_typed(given)
        )
        self._reserve_concurrency(request, name)
        return self._described(request, name)

    def update(self, request: HandlerRequest) -> Resource:
        client, name = request.client("lambda"), request.physical_id
        if request.changed("Code"):
            client.update_function_code(FunctionName=name, **_code(request.properties))
        configuration = {key: request.properties.get(key, default) for key, default in _CONFIGURATION.items()}
        # Architectures belong to the code in the API; this machine runs the handler on its own anyway.
        configuration.pop("Architectures")
        client.update_function_configuration(FunctionName=name, **_typed(configuration))
        self._reserve_concurrency(request, name)
        if request.changed("Tags"):
            self._replace_tags(request)
        return self._described(request, name)

    def delete(self, request: HandlerRequest) -> None:
        request.client("lambda").delete_function(FunctionName=request.physical_id)

    @staticmethod
    def _described(request: HandlerRequest, name: str) -> Resource:
        found = request.client("lambda").get_function_configuration(FunctionName=name)
        return Resource(name, {"Arn": found["FunctionArn"]})

    @staticmethod
    def _reserve_concurrency(request: HandlerRequest, name: str) -> None:
        if not request.changed("ReservedConcurrentExecutions"):
            return
        reserved = request.properties.get("ReservedConcurrentExecutions")
        client = request.client("lambda")
        if reserved is None:
            client.delete_function_concurrency(FunctionName=name)
        else:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(reserved))

    @staticmethod
    def _replace_tags(request: HandlerRequest) -> None:
        client = request.client("lambda")
        arn = client.get_function_configuration(FunctionName=request.physical_id)["FunctionArn"]
        tags = _tags(request.properties)
        gone = _tags(request.previous_properties).keys() - tags.keys()
        if gone:
            client.untag_resource(Resource=arn, TagKeys=sorted(gone))
        if tags:
            client.tag_resource(Resource=arn, Tags=tags)


class LayerVersionType(ResourceHandler):
    """AWS::Lambda::LayerVersion; every property is create-only."""

    type_name: ClassVar[str] = "AWS::Lambda::LayerVersion"
    properties: ClassVar[frozenset[str]] = frozenset(
        {
            "CompatibleArchitectures",
            "CompatibleRuntimes",
            "Content",
            "Description",
            "LayerName",
            "LicenseInfo",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        name = request.properties.get("LayerName") or request.default_name()
        published = request.client("lambda").publish_layer_version(
            **{**request.properties, "LayerName": name}
        )
        arn = published["LayerVersionArn"]
        return Resource(arn, {"LayerVersionArn": arn})

    def delete(self, request: HandlerRequest) -> None:
        name, version = request.physical_id.split(":")[-2:]
        request.client("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))


class PermissionType(ResourceHandler):
    """AWS::Lambda::Permission: one statement of a function's policy; every property is create-only."""

    type_name: ClassVar[str] = "AWS::Lambda::Permission"
    properties: ClassVar[frozenset[str]] = frozenset(
        {"Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        statement = request.default_name(100)
        request.client("lambda").add_permission(StatementId=statement, **request.properties)
        return Resource(statement, {"Id": statement})

    def delete(self, request: HandlerRequest) -> None:
        request.client("lambda").remove_permission(
            FunctionName=request.properties["FunctionName"], StatementId=request.physical_id
        )


class EventInvokeConfigType(ResourceHandler):
    """AWS::Lambda::EventInvokeConfig: retries, age and destinations of asynchronous invocations."""

    type_name: ClassVar[str] = "AWS::Lambda::EventInvokeConfig"
    properties: ClassVar[frozenset[str]] = frozenset(
        {"DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        name, qualifier = request.properties["FunctionName"], request.properties["Qualifier"]
        self._put(request)
        return Resource(f"{name}|{qualifier}")

    def update(self, request: HandlerRequest) -> Resource:
        self._put(request)
        return Resource(request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("lambda").delete_function_event_invoke_config(
            FunctionName=request.properties["FunctionName"]
        )

    @staticmethod
    def _put(request: HandlerRequest) -> None:
        settings = {key: value for key, value in request.properties.items() if key != "Qualifier"}
        for key in ("MaximumEventAgeInSeconds", "MaximumRetryAttempts"):
            if key in settings:
                settings[key] = int(settings[key])
        request.client("lambda").put_function_event_invoke_config(**settings)


def _code(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The API's form of a template's Code, where ZipFile is the source of an index.py."""
    code = dict(properties["Code"])
    if "ZipFile" in code:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr("index.py", code["ZipFile"])
        code["ZipFile"] = archive.getvalue()
    return code


def _typed(configuration: dict[str, Any]) -> dict[str, Any]:
    """Numbers as numbers: templates may write them as strings."""
    numbers: dict[str, Any] = {
        key: int(configuration[key]) for key in ("MemorySize", "Timeout") if key in configuration
    }
    return {**configuration, **numbers}


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
