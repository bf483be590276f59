"""AWS WAF's CloudFormation types: web ACL, its association with a stage, its logging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler
from darkroom.sandbox.wafv2.rules import rate_rule

# Numbers, by their names in a rule.
_NUMBERS = {"Limit", "Priority", "EvaluationWindowSec"}


class WebAclType(ResourceHandler):
    """AWS::WAFv2::WebACL of a region, with rate rules and AWS's managed rule groups."""

    type_name: ClassVar[str] = "AWS::WAFv2::WebACL"
    properties: ClassVar[frozenset[str]] = frozenset(
        {"DefaultAction", "Description", "Name", "Rules", "Scope", "Tags", "VisibilityConfig"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        given = request.properties
        name = given.get("Name") or request.default_name(128)
        tags = {"Tags": given["Tags"]} if given.get("Tags") else {}
        made = request.client("wafv2").create_web_acl(
            Name=name, Scope=_scope(given), **_settings(given), **tags
        )["Summary"]
        return _resource(made)

    def update(self, request: HandlerRequest) -> Resource:
        client, found = request.client("wafv2"), _found(request)
        client.update_web_acl(**found, Scope=_scope(request.properties), **_settings(request.properties))
        arn = str((request.previous.attributes if request.previous else {})["Arn"])
        if request.properties.get("Tags") and request.changed("Tags"):
            client.tag_resource(ResourceARN=arn, Tags=request.properties["Tags"])
        return _resource({"Name": found["Name"], "Id": found["Id"], "ARN": arn})

    def delete(self, request: HandlerRequest) -> None:
        request.client("wafv2").delete_web_acl(**_found(request), Scope=_scope(request.properties))


class WebAclAssociationType(ResourceHandler):
    """AWS::WAFv2::WebACLAssociation with the stage of a REST API."""

    type_name: ClassVar[str] = "AWS::WAFv2::WebACLAssociation"
    properties: ClassVar[frozenset[str]] = frozenset({"ResourceArn", "WebACLArn"})

    def create(self, request: HandlerRequest) -> Resource:
        stage, acl = request.properties["ResourceArn"], request.properties["WebACLArn"]
        if ":apigateway:" not in stage or "/stages/" not in stage:
            raise ValueError(
                f"{stage} is no stage of a REST API: the local AWS has a firewall before those only"
            )
        request.client("wafv2").associate_web_acl(WebACLArn=acl, ResourceArn=stage)
        return Resource(f"{acl}|{stage}")

    def delete(self, request: HandlerRequest) -> None:
        request.client("wafv2").disassociate_web_acl(ResourceArn=request.properties["ResourceArn"])


class LoggingConfigurationType(ResourceHandler):
    """AWS::WAFv2::LoggingConfiguration to a log group; the filter must keep blocked requests alone."""

    type_name: ClassVar[str] = "AWS::WAFv2::LoggingConfiguration"
    properties: ClassVar[frozenset[str]] = frozenset(
        {"LogDestinationConfigs", "LoggingFilter", "RedactedFields", "ResourceArn"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        return self._put(request)

    def update(self, request: HandlerRequest) -> Resource:
        return self._put(request)

    def delete(self, request: HandlerRequest) -> None:
        request.client("wafv2").delete_logging_configuration(ResourceArn=request.physical_id)

    @staticmethod
    def _put(request: HandlerRequest) -> Resource:
        given = request.properties
        for destination in given["LogDestinationConfigs"]:
            if ":log-group:aws-waf-logs-" not in destination:
                raise ValueError(f"{destination}: the local AWS logs to log groups, named aws-waf-logs-...")
        if given.get("LoggingFilter") != _BLOCKED_ONLY:
            raise ValueError(
                "the local AWS logs blocked requests only: give the LoggingFilter that keeps those"
            )
        request.client("wafv2").put_logging_configuration(LoggingConfiguration=dict(given))
        return Resource(given["ResourceArn"])


_BLOCKED_ONLY: dict[str, Any] = {
    "DefaultBehavior": "DROP",
    "Filters": [
        {
            "Behavior": "KEEP",
            "Requirement": "MEETS_ANY",
            "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
        }
    ],
}


def _scope(properties: Mapping[str, Any]) -> str:
    if properties["Scope"] != "REGIONAL":
        raise ValueError(f"Scope is {properties['Scope']}: the local AWS has regional web ACLs only")
    return "REGIONAL"


def _settings(properties: Mapping[str, Any]) -> dict[str, Any]:
    rules = [_typed(rule) for rule in properties.get("Rules", [])]
    for rule in rules:
        rate_rule(rule)  # refuses what is not played
    settings = {
        "DefaultAction": properties["DefaultAction"],
        "VisibilityConfig": _typed(properties["VisibilityConfig"]),
        "Rules": rules,
    }
    description = properties.get("Description")
    return {**settings, **({"Description": description} if description else {})}


def _typed(value: Any) -> Any:
    """Numbers and booleans, which templates may hold as strings."""
    if isinstance(value, Mapping):
        return {key: _number(key, _typed(inner)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _number(key: str, value: Any) -> Any:
    return int(value) if key in _NUMBERS and isinstance(value, str) else value


def _found(request: HandlerRequest) -> dict[str, Any]:
    """What the API wants to know of a web ACL to change it: name, id, and the token of its last change."""
    name, identifier, _ = request.physical_id.split("|")
    found = request.client("wafv2").get_web_acl(Name=name, Id=identifier, Scope="REGIONAL")
    return {"Name": name, "Id": identifier, "LockToken": found["LockToken"]}


def _resource(summary: Mapping[str, Any]) -> Resource:
    name, identifier, arn = summary["Name"], summary["Id"], summary["ARN"]
    return Resource(f"{name}|{identifier}|REGIONAL", {"Arn": arn, "Id": identifier})
