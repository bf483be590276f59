"""AWS::IAM::Role, Policy and ManagedPolicy."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from darkroom.sandbox.cloudformation.handler import (
    HandlerRequest,
    Resource,
    ResourceHandler,
    undone_on_failure,
)

_PRINCIPALS = {"Roles": "role", "Users": "user", "Groups": "group"}


@contextlib.contextmanager
def _unless_gone() -> Iterator[None]:
    """Taking something from a role that is gone (its stack went first, say) is no failure."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise


class Role(ResourceHandler):
    """A role with its managed and inline policies."""

    type_name = "AWS::IAM::Role"
    properties = frozenset(
        {
            "AssumeRolePolicyDocument",
            "Description",
            "ManagedPolicyArns",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Policies",
            "RoleName",
            "Tags",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        given, iam = request.properties, request.client("iam")
        name = given.get("RoleName") or request.default_name(64)
        options = ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags")
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(given["AssumeRolePolicyDocument"]),
            **{key: given[key] for key in options if key in given},
        )["Role"]
        with undone_on_failure(lambda: _delete_role(iam, name)):
            _attach(request, name)
        return Resource(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def update(self, request: HandlerRequest) -> Resource:
        given, iam, name = request.properties, request.client("iam"), request.physical_id
        if request.changed("AssumeRolePolicyDocument"):
            document = json.dumps(given["AssumeRolePolicyDocument"])
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
        if request.changed("Description") or request.changed("MaxSessionDuration"):
            duration = given.get("MaxSessionDuration", 3600)
            description = given.get("Description", "")
            iam.update_role(RoleName=name, Description=description, MaxSessionDuration=duration)
        if request.changed("PermissionsBoundary"):
            boundary = given.get("PermissionsBoundary")
            if boundary:
                iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
            else:
                iam.delete_role_permissions_boundary(RoleName=name)
        if request.changed("Tags"):
            old = [tag["Key"] for tag in request.previous_properties.get("Tags", [])]
            iam.untag_role(RoleName=name, TagKeys=old)
            iam.tag_role(RoleName=name, Tags=given.get("Tags", []))
        _attach(request, name)
        role = iam.get_role(RoleName=name)["Role"]
        return Resource(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def delete(self, request: HandlerRequest) -> None:
        iam, name = request.client("iam"), request.physical_id
        for arn in request.properties.get("ManagedPolicyArns", []):
            with _unless_gone():
                iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for policy in request.properties.get("Policies", []):
            with _unless_gone():
                iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
        iam.delete_role(RoleName=name)


def _delete_role(iam: Any, name: str) -> None:
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
    iam.delete_role(RoleName=name)


def _attach(request: HandlerRequest, role: str) -> None:
    """Give a role the managed and inline policies that are wanted and take the ones that were."""
    iam, given, before = request.client("iam"), request.properties, request.previous_properties
    wanted, had = set(given.get("ManagedPolicyArns", [])), set(before.get("ManagedPolicyArns", []))
    for arn in sorted(wanted - had):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in sorted(had - wanted):
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in given.get("Policies", [])}
    for name, document in inline.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    for policy in before.get("Policies", []):
        if policy["PolicyName"] not in inline:
            iam.delete_role_policy(RoleName=role, PolicyName=policy["PolicyName"])


def _members(properties: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Whom a policy is for: (role, user or group; name)."""
    return {(kind, name) for key, kind in _PRINCIPALS.items() for name in properties.get(key, [])}


def _call(iam: Any, pattern: str, kind: str, name: str) -> Callable[..., Any]:
    """``pattern``'s call for a kind of principal, such as ``put_{}_policy``, bound to its name."""
    method = getattr(iam, pattern.format(kind))
    return lambda **arguments: method(**{f"{kind.capitalize()}Name": name}, **arguments)


class Policy(ResourceHandler):
    """An inline policy of roles, users and groups."""

    type_name = "AWS::IAM::Policy"
    properties = frozenset({"Groups", "PolicyDocument", "PolicyName", "Roles", "Users"})

    def create(self, request: HandlerRequest) -> Resource:
        _put_inline(request)
        return Resource(request.default_name(128))

    def update(self, request: HandlerRequest) -> Resource:
        _put_inline(request)
        before, renamed = request.previous_properties, request.changed("PolicyName")
        left = _members(before) if renamed else _members(before) - _members(request.properties)
        _delete_inline(request, left, before["PolicyName"])
        return Resource(request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        _delete_inline(request, _members(request.properties), request.properties["PolicyName"])


def _put_inline(request: HandlerRequest) -> None:
    name, document = request.properties["PolicyName"], json.dumps(request.properties["PolicyDocument"])
    for kind, member in sorted(_members(request.properties)):
        put = _call(request.client("iam"), "put_{}_policy", kind, member)
        put(PolicyName=name, PolicyDocument=document)


def _delete_inline(request: HandlerRequest, members: set[tuple[str, str]], policy_name: str) -> None:
    for kind, member in sorted(members):
        with _unless_gone():
            _call(request.client("iam"), "delete_{}_policy", kind, member)(PolicyName=policy_name)


class ManagedPolicy(ResourceHandler):
    """A customer managed policy and what it is attached to; ``Ref`` is its ARN."""

    type_name = "AWS::IAM::ManagedPolicy"
    properties = frozenset(
        {"Description", "Groups", "ManagedPolicyName", "Path", "PolicyDocument", "Roles", "Users"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        given, iam = request.properties, request.client("iam")
        arn = iam.create_policy(
            PolicyName=given.get("ManagedPolicyName") or request.default_name(128),
            PolicyDocument=json.dumps(given["PolicyDocument"]),
            Description=given.get("Description", ""),
            Path=given.get("Path", "/"),
        )["Policy"]["Arn"]
        with undone_on_failure(lambda: iam.delete_policy(PolicyArn=arn)):
            _attach_members(iam, arn, _members(given))
        return Resource(arn, {"PolicyArn": arn})

    def update(self, request: HandlerRequest) -> Resource:
        iam, arn = request.client("iam"), request.physical_id
        if request.changed("PolicyDocument"):
            document = json.dumps(request.properties["PolicyDocument"])
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
            # AWS keeps at most five versions; CloudFormation keeps the current one.
            _delete_old_versions(iam, arn)
        before, wanted = _members(request.previous_properties), _members(request.properties)
        _attach_members(iam, arn, wanted - before)
        _detach_members(iam, arn, before - wanted)
        return Resource(arn, {"PolicyArn": arn})

    def delete(self, request: HandlerRequest) -> None:
        iam, arn = request.client("iam"), request.physical_id
        _detach_members(iam, arn, _members(request.properties))
        _delete_old_versions(iam, arn)
        iam.delete_policy(PolicyArn=arn)


def _attach_members(iam: Any, arn: str, members: set[tuple[str, str]]) -> None:
    for kind, name in sorted(members):
        _call(iam, "attach_{}_policy", kind, name)(PolicyArn=arn)


def _detach_members(iam: Any, arn: str, members: set[tuple[str, str]]) -> None:
    for kind, name in sorted(members):
        with _unless_gone():
            _call(iam, "detach_{}_policy", kind, name)(PolicyArn=arn)


def _delete_old_versions(iam: Any, arn: str) -> None:
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
