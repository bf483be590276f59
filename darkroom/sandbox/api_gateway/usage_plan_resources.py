"""API Gateway's CloudFormation types for keys, usage plans and the account."""

from __future__ import annotations

from typing import Any, ClassVar

from moto.apigateway.models import apigateway_backends

from darkroom.sandbox.api_gateway.rest_api_resources import tags_of
from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler


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
            "tags": tags_of(given) or None,
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
        plan.tags = tags_of(given)  # type: ignore[assignment]
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


def _boolean(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
