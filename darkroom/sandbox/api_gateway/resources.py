"""API Gateway's CloudFormation types."""

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
        api.tags = _tags(request.properties)
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
    """AWS::ApiGateway::Stage; tracing is accepted, but there is no X-Ray to send to."""

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
        stage.tags = _tags(given)
        stage.tracing_enabled = bool(given.get("TracingEnabled", False))
        log = given.get("AccessLogSetting", {})
        stage.access_log_settings = (
            {"destinationArn": log["DestinationArn"], "format": log.get("Format", "")} if log else None
        )
        stage.method_settings = {
            _setting_key(entry): _method_setting(entry) for entry in given.get("MethodSettings", [])
        }


class ApiKeyType(ResourceHandler):
    """AWS::ApiGateway::ApiKey; disabled unless the template enables it."""

    type_name: ClassVar[str] = "AWS::ApiGateway::ApiKey"
    properties: ClassVar[frozenset[str]] = frozenset(
        {"CustomerId", "Description", "Enabled", "GenerateDistinctId", "Name", "Tags", "Value"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        given = request.properties
        settings = {
            "name": given.get("Name") or request.default_name(128),
            "description": given.get("Description", ""),
            "enabled": _boolean(given.get("Enabled", False)),
            "customerId": given.get("CustomerId"),
            "value": given.get("Value"),
            "tags": _tags(given) or None,
        }
        made = request.client("apigateway").create_api_key(
            **{key: value for key, value in settings.items() if value is not None}
        )
        return Resource(made["id"], {"APIKeyId": made["id"]})

    def update(self, request: HandlerRequest) -> Resource:
        key = apigateway_backends[request.account_id][request.region].get_api_key(request.physical_id)
        key.enabled = _boolean(request.properties.get("Enabled", False))
        key.description = request.properties.get("Description", "")
        key.customer_id = request.properties.get("CustomerId")
        return Resource(request.physical_id, {"APIKeyId": request.physical_id})

    def delete(self, request: HandlerRequest) -> None:
        request.client("apigateway").delete_api_key(apiKey=request.physical_id)


class UsagePlanType(ResourceHandler):
    """AWS::ApiGateway::UsagePlan."""

    type_name: ClassVar[str] = "AWS::ApiGateway::UsagePlan"
    properties: ClassVar[frozenset[str]] = frozenset(
        {"ApiStages", "Description", "Quota", "Tags", "Throttle", "UsagePlanName"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        name = request.properties.get("UsagePlanName") or request.default_name(128)
        made = request.client("apigateway").create_usage_plan(name=name)
        self._configure(request, made["id"])
        return Resource(made["id"], {"Id": made["id"]})

    def update(self, request: HandlerRequest) -> Resource:
        self._configure(request, request.physical_id)
        return Resource(request.physical_id, {"Id": request.physical_id})

    def delete(self, request: HandlerRequest) -> None:
        request.client("apigateway").delete_usage_plan(usagePlanId=request.physical_id)
        backend = apigateway_backends[request.account_id][request.region]
        backend.usage_plan_keys.pop(request.physical_id, None)

    @staticmethod
    def _configure(request: HandlerRequest, plan_id: str) -> None:
        given = request.properties
        plan = apigateway_backends[request.account_id][request.region].get_usage_plan(plan_id)
        plan.name = given.get("UsagePlanName", plan.name)
        plan.description = given.get("Description", "")
        plan.tags = _tags(given)  # type: ignore[assignment]
        plan.api_stages = [
            {"apiId": entry["ApiId"], "stage": entry["Stage"]} for entry in given.get("ApiStages", [])
        ]
        throttle = given.get("Throttle", {})
        plan.throttle = (
            {"rateLimit": float(throttle["RateLimit"]), "burstLimit": int(throttle["BurstLimit"])}
            if throttle
            else {}
        )
        quota = given.get("Quota", {})
        plan.quota = (
            {"limit": int(quota["Limit"]), "period": quota["Period"], "offset": int(quota.get("Offset", 0))}
            if quota
            else {}
        )


class UsagePlanKeyType(ResourceHandler):
    """AWS::ApiGateway::UsagePlanKey: a key in a plan."""

    type_name: ClassVar[str] = "AWS::ApiGateway::UsagePlanKey"
    properties: ClassVar[frozenset[str]] = frozenset({"KeyId", "KeyType", "UsagePlanId"})

    def create(self, request: HandlerRequest) -> Resource:
        given = request.properties
        request.client("apigateway").create_usage_plan_key(
            usagePlanId=given["UsagePlanId"], keyId=given["KeyId"], keyType=given["KeyType"]
        )
        identifier = f"{given['KeyId']}:{given['UsagePlanId']}"
        return Resource(identifier, {"Id": identifier})

    def delete(self, request: HandlerRequest) -> None:
        key_id, _, plan_id = request.physical_id.partition(":")
        backend = apigateway_backends[request.account_id][request.region]
        backend.usage_plan_keys.get(plan_id, {}).pop(key_id, None)


class AccountType(ResourceHandler):
    """AWS::ApiGateway::Account: the role for execution logs, which the sandbox doesn't write."""

    type_name: ClassVar[str] = "AWS::ApiGateway::Account"
    properties: ClassVar[frozenset[str]] = frozenset({"CloudWatchRoleArn"})

    def create(self, request: HandlerRequest) -> Resource:
        self._put(request)
        identifier = request.default_name()
        return Resource(identifier, {"Id": identifier})

    def update(self, request: HandlerRequest) -> Resource:
        self._put(request)
        return Resource(request.physical_id, {"Id": request.physical_id})

    def delete(self, request: HandlerRequest) -> None:
        """Nothing: CloudFormation leaves the account's setting as it is."""

    @staticmethod
    def _put(request: HandlerRequest) -> None:
        role = request.properties.get("CloudWatchRoleArn", "")
        request.client("apigateway").update_account(
            patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]
        )


def _rest_api(request: HandlerRequest, api_id: str) -> RestAPI:
    return apigateway_backends[request.account_id][request.region].get_rest_api(api_id)


def _name(request: HandlerRequest) -> str:
    return str(request.properties.get("Name") or request.properties["Body"]["info"]["title"])


def _api_settings(properties: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {"description": properties.get("Description", "")}
    if "EndpointConfiguration" in properties:
        settings["endpointConfiguration"] = {"types": properties["EndpointConfiguration"]["Types"]}
    if _tags(properties):
        settings["tags"] = _tags(properties)
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


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}


def _boolean(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
