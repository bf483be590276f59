"""API Gateway's CloudFormation types for REST APIs, deployments and stages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from moto.apigateway.models import RestAPI, Stage, apigateway_backends

from darkroom.sandbox.api_gateway.openapi import METHODS, read_document
from darkroom.sandbox.api_gateway.registry import REGISTRY
from darkroom.sandbox.cloudformation.handler import (
    HandlerRequest,
    Resource,
    ResourceHandler,
    undone_on_failure,
)

# What a method setting is unless it is named: the account's limits, everything else off.
_METHOD_SETTINGS: dict[str, Any] = {
    "MetricsEnabled": False,
    "LoggingLevel": "OFF",
    "DataTraceEnabled": False,
    "ThrottlingRateLimit": 10_000,
    "ThrottlingBurstLimit": 5_000,
}


class RestApiType(ResourceHandler):
    """AWS::ApiGateway::RestApi, made from an OpenAPI document."""

    type_name: ClassVar[str] = "AWS::ApiGateway::RestApi"
    properties: ClassVar[frozenset[str]] = frozenset(
        {
            "BinaryMediaTypes",
            "Body",
            "Description",
            "EndpointConfiguration",
            "FailOnWarnings",
            "Mode",
            "Name",
            "Tags",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        if "Body" not in request.properties:
            raise ValueError("Body is missing: the local AWS serves REST APIs made from an OpenAPI Body")
        client = request.client("apigateway")
        api_id = client.create_rest_api(name=_name(request), **_api_settings(request.properties))["id"]
        with undone_on_failure(lambda: client.delete_rest_api(restApiId=api_id)):
            return self._put_document(request, api_id)

    def update(self, request: HandlerRequest) -> Resource:
        made = self._put_document(request, request.physical_id)
        api = _rest_api(request, request.physical_id)
        api.name = _name(request)
        api.description = request.properties.get("Description", "")
        api.tags = tags_of(request.properties)
        return made

    def delete(self, request: HandlerRequest) -> None:
        REGISTRY.remove(request.physical_id)
        request.client("apigateway").delete_rest_api(restApiId=request.physical_id)

    @staticmethod
    def _put_document(request: HandlerRequest, api_id: str) -> Resource:
        document = request.properties["Body"]
        media_types = tuple(request.properties.get("BinaryMediaTypes", []))
        REGISTRY.put(api_id, request.account_id, request.region, read_document(document, media_types))
        request.client("apigateway").put_rest_api(
            restApiId=api_id, mode="overwrite", body=json.dumps(_outline(document)).encode()
        )
        root = _rest_api(request, api_id).default.id
        return Resource(api_id, {"RestApiId": api_id, "RootResourceId": root})


class DeploymentType(ResourceHandler):
    """AWS::ApiGateway::Deployment: a snapshot of the API's document."""

    type_name: ClassVar[str] = "AWS::ApiGateway::Deployment"
    properties: ClassVar[frozenset[str]] = frozenset({"Description", "RestApiId"})

    def create(self, request: HandlerRequest) -> Resource:
        api_id = request.properties["RestApiId"]
        made = request.client("apigateway").create_deployment(
            restApiId=api_id, description=request.properties.get("Description", "")
        )
        REGISTRY.deploy(api_id, made["id"])
        return Resource(made["id"], {"DeploymentId": made["id"]})

    def update(self, request: HandlerRequest) -> Resource:
        api = _rest_api(request, request.properties["RestApiId"])
        api.get_deployment(request.physical_id).description = request.properties.get("Description", "")
        return Resource(request.physical_id, {"DeploymentId": request.physical_id})

    def delete(self, request: HandlerRequest) -> None:
        api_id = request.properties["RestApiId"]
        request.client("apigateway").delete_deployment(restApiId=api_id, deploymentId=request.physical_id)
        api = REGISTRY.find(api_id)
        if api is not None:
            api.deployments.pop(request.physical_id, None)


class StageType(ResourceHandler):
    """AWS::ApiGateway::Stage."""

    type_name: ClassVar[str] = "AWS::ApiGateway::Stage"
    properties: ClassVar[frozenset[str]] = frozenset(
        {
            "AccessLogSetting",
            "DeploymentId",
            "Description",
            "MethodSettings",
            "RestApiId",
            "StageName",
            "Tags",
            "TracingEnabled",
            "Variables",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        name = request.properties["StageName"]
        request.client("apigateway").create_stage(
            restApiId=request.properties["RestApiId"],
            stageName=name,
            deploymentId=request.properties["DeploymentId"],
        )
        self._configure(request, name)
        return Resource(name)

    def update(self, request: HandlerRequest) -> Resource:
        self._configure(request, request.physical_id)
        return Resource(request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("apigateway").delete_stage(
            restApiId=request.properties["RestApiId"], stageName=request.physical_id
        )

    @staticmethod
    def _configure(request: HandlerRequest, name: str) -> None:
        given = request.properties
        stage: Stage = _rest_api(request, given["RestApiId"]).stages[name]
        stage.deployment_id = given["DeploymentId"]
        stage.description = given.get("Description", "")
        stage.variables = dict(given.get("Variables", {}))
        stage.tags = tags_of(given)
        stage.tracing_enabled = bool(given.get("TracingEnabled", False))
        log = given.get("AccessLogSetting", {})
        stage.access_log_settings = (
            {"destinationArn": log["DestinationArn"], "format": log.get("Format", "")} if log else None
        )
        stage.method_settings = {
            _setting_key(entry): _method_setting(entry) for entry in given.get("MethodSettings", [])
        }


def _rest_api(request: HandlerRequest, api_id: str) -> RestAPI:
    return apigateway_backends[request.account_id][request.region].get_rest_api(api_id)


def _name(request: HandlerRequest) -> str:
    return str(request.properties.get("Name") or request.properties["Body"]["info"]["title"])


def _api_settings(properties: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {"description": properties.get("Description", "")}
    if "EndpointConfiguration" in properties:
        settings["endpointConfiguration"] = {"types": properties["EndpointConfiguration"]["Types"]}
    if tags_of(properties):
        settings["tags"] = tags_of(properties)
    return settings


def _outline(document: Mapping[str, Any]) -> dict[str, Any]:
    """The paths and methods, for moto's GetResources; what is served comes from the whole document."""
    paths = {
        path: {
            method: {"responses": {}, "x-amazon-apigateway-integration": _moto_integration(item[method])}
            for method in METHODS
            if method in item
        }
        for path, item in document["paths"].items()
    }
    return {"openapi": document["openapi"], "info": document["info"], "paths": paths}


def _moto_integration(operation: Mapping[str, Any]) -> dict[str, Any]:
    integration = operation["x-amazon-apigateway-integration"]
    return {
        "type": "AWS_PROXY",
        "httpMethod": integration.get("httpMethod", "POST"),
        "uri": integration["uri"],
    }


def _setting_key(entry: Mapping[str, Any]) -> str:
    """As the API names it: ``*/*`` for all, ``~1v1~1images/POST`` for one."""
    path = entry.get("ResourcePath", "/*")
    return f"{'*' if path == '/*' else path.replace('/', '~1')}/{entry.get('HttpMethod', '*')}"


def _method_setting(entry: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(entry.keys() - _METHOD_SETTINGS.keys() - {"HttpMethod", "ResourcePath"})
    if unknown:
        raise ValueError(f"the local AWS does not play the method setting {', '.join(unknown)}")
    settings = {**_METHOD_SETTINGS, **{key: entry[key] for key in _METHOD_SETTINGS if key in entry}}
    return {key[0].lower() + key[1:]: value for key, value in settings.items()}


def tags_of(properties: Mapping[str, Any]) -> dict[str, str]:
    """A resource's Tags as the API has them."""
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
