"""What a VPC is made of: AWS::EC2::VPC, Subnet, RouteTable, SecurityGroup, VPCEndpoint, FlowLog."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from botocore.exceptions import ClientError

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler


class Vpc(ResourceHandler):
    """A VPC."""

    type_name = "AWS::EC2::VPC"
    properties = frozenset({"CidrBlock", "EnableDnsHostnames", "EnableDnsSupport", "InstanceTenancy", "Tags"})

    def create(self, request: HandlerRequest) -> Resource:
        ec2, given = request.client("ec2"), request.properties
        vpc_id = ec2.create_vpc(
            CidrBlock=given["CidrBlock"],
            InstanceTenancy=given.get("InstanceTenancy", "default"),
            TagSpecifications=_tags(request, "vpc"),
        )["Vpc"]["VpcId"]
        for name in ("EnableDnsSupport", "EnableDnsHostnames"):
            if name in given:
                ec2.modify_vpc_attribute(VpcId=vpc_id, **{name: {"Value": _is_true(given[name])}})
        return Resource(vpc_id, {"VpcId": vpc_id, "CidrBlock": given["CidrBlock"]})

    def delete(self, request: HandlerRequest) -> None:
        _gone(request, "delete_vpc", VpcId=request.physical_id)


class Subnet(ResourceHandler):
    """A subnet."""

    type_name = "AWS::EC2::Subnet"
    properties = frozenset({"AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "Tags", "VpcId"})

    def create(self, request: HandlerRequest) -> Resource:
        ec2, given = request.client("ec2"), request.properties
        made = ec2.create_subnet(
            VpcId=given["VpcId"],
            CidrBlock=given["CidrBlock"],
            AvailabilityZone=given["AvailabilityZone"],
            TagSpecifications=_tags(request, "subnet"),
        )["Subnet"]
        subnet_id = made["SubnetId"]
        public = _is_true(given.get("MapPublicIpOnLaunch", False))
        ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": public})
        return Resource(
            subnet_id,
            {"SubnetId": subnet_id, "VpcId": given["VpcId"], "AvailabilityZone": made["AvailabilityZone"]},
        )

    def delete(self, request: HandlerRequest) -> None:
        _gone(request, "delete_subnet", SubnetId=request.physical_id)


class RouteTable(ResourceHandler):
    """A route table; it has the VPC's own route."""

    type_name = "AWS::EC2::RouteTable"
    properties = frozenset({"Tags", "VpcId"})

    def create(self, request: HandlerRequest) -> Resource:
        table = request.client("ec2").create_route_table(
            VpcId=request.properties["VpcId"], TagSpecifications=_tags(request, "route-table")
        )["RouteTable"]["RouteTableId"]
        return Resource(table, {"RouteTableId": table})

    def delete(self, request: HandlerRequest) -> None:
        _gone(request, "delete_route_table", RouteTableId=request.physical_id)


class SubnetRouteTableAssociation(ResourceHandler):
    """Which route table a subnet has."""

    type_name = "AWS::EC2::SubnetRouteTableAssociation"
    properties = frozenset({"RouteTableId", "SubnetId"})

    def create(self, request: HandlerRequest) -> Resource:
        made = request.client("ec2").associate_route_table(**request.properties)["AssociationId"]
        return Resource(made, {"Id": made})

    def delete(self, request: HandlerRequest) -> None:
        _gone(request, "disassociate_route_table", AssociationId=request.physical_id)


class SecurityGroup(ResourceHandler):
    """A security group. With egress rules of its own it has not the one that allows everything."""

    type_name = "AWS::EC2::SecurityGroup"
    properties = frozenset(
        {"GroupDescription", "GroupName", "SecurityGroupEgress", "SecurityGroupIngress", "Tags", "VpcId"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        ec2, given = request.client("ec2"), request.properties
        group = ec2.create_security_group(
            GroupName=given.get("GroupName") or request.default_name(255),
            Description=given["GroupDescription"],
            VpcId=given["VpcId"],
            TagSpecifications=_tags(request, "security-group"),
        )["GroupId"]
        if given.get("SecurityGroupEgress"):
            everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
            rules = [_permission(rule) for rule in given["SecurityGroupEgress"]]
            ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rules)
        if given.get("SecurityGroupIngress"):
            rules = [_permission(rule) for rule in given["SecurityGroupIngress"]]
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
        return Resource(group, {"GroupId": group, "VpcId": given["VpcId"], "Id": group})

    def delete(self, request: HandlerRequest) -> None:
        _gone(request, "delete_security_group", GroupId=request.physical_id)


_RULE = frozenset(
    {"CidrIp", "Description", "DestinationPrefixListId", "FromPort", "GroupId", "IpProtocol", "ToPort"}
)


class _SecurityGroupRule(ResourceHandler):
    """One rule of a security group, in one direction."""

    direction: ClassVar[Literal["ingress", "egress"]]

    def create(self, request: HandlerRequest) -> Resource:
        given = request.properties
        authorize = getattr(request.client("ec2"), f"authorize_security_group_{self.direction}")
        answer = authorize(GroupId=given["GroupId"], IpPermissions=[_permission(given)])
        return Resource(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def delete(self, request: HandlerRequest) -> None:
        given = request.properties
        rules = [_permission(given)]
        operation = f"revoke_security_group_{self.direction}"
        _gone(request, operation, GroupId=given["GroupId"], IpPermissions=rules)


class SecurityGroupIngress(_SecurityGroupRule):
    """One rule of what a group lets in."""

    type_name = "AWS::EC2::SecurityGroupIngress"
    properties = _RULE | {"SourceSecurityGroupId"}
    direction = "ingress"


class SecurityGroupEgress(_SecurityGroupRule):
    """One rule of what a group lets out."""

    type_name = "AWS::EC2::SecurityGroupEgress"
    properties = _RULE | {"DestinationSecurityGroupId"}
    direction = "egress"


class VpcEndpoint(ResourceHandler):
    """A gateway or interface endpoint; only its policy changes in place."""

    type_name = "AWS::EC2::VPCEndpoint"
    properties = frozenset(
        {
            "PolicyDocument",
            "PrivateDnsEnabled",
            "RouteTableIds",
            "SecurityGroupIds",
            "ServiceName",
            "SubnetIds",
            "Tags",
            "VpcEndpointType",
            "VpcId",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        given = dict(request.properties)
        given.pop("Tags", None)
        if "PrivateDnsEnabled" in given:
            given["PrivateDnsEnabled"] = _is_true(given["PrivateDnsEnabled"])
        if "PolicyDocument" in given:
            given["PolicyDocument"] = json.dumps(given["PolicyDocument"])
        made = request.client("ec2").create_vpc_endpoint(
            **given, TagSpecifications=_tags(request, "vpc-endpoint")
        )["VpcEndpoint"]["VpcEndpointId"]
        return Resource(made, {"Id": made})

    def update(self, request: HandlerRequest) -> Resource:
        if any(request.changed(name) for name in self.properties - {"PolicyDocument", "Tags"}):
            return super().update(request)
        if request.changed("PolicyDocument"):
            policy = json.dumps(request.properties.get("PolicyDocument", {}))
            request.client("ec2").modify_vpc_endpoint(
                VpcEndpointId=request.physical_id, PolicyDocument=policy
            )
        return Resource(request.physical_id, {"Id": request.physical_id})

    def delete(self, request: HandlerRequest) -> None:
        _gone(request, "delete_vpc_endpoints", VpcEndpointIds=[request.physical_id])


class FlowLog(ResourceHandler):
    """A flow log. The sandbox keeps it, and its group stays empty: there are no packets to log."""

    type_name = "AWS::EC2::FlowLog"
    properties = frozenset(
        {
            "DeliverLogsPermissionArn",
            "LogDestinationType",
            "LogGroupName",
            "MaxAggregationInterval",
            "ResourceId",
            "ResourceType",
            "Tags",
            "TrafficType",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        given = dict(request.properties)
        given.pop("Tags", None)
        interval = int(given.pop("MaxAggregationInterval", 600))
        answer = request.client("ec2").create_flow_logs(
            ResourceIds=[given.pop("ResourceId")],
            MaxAggregationInterval=interval,
            TagSpecifications=_tags(request, "vpc-flow-log"),
            **given,
        )
        if answer.get("Unsuccessful"):
            raise ValueError(f"the flow log was not made: {answer['Unsuccessful'][0]['Error']['Message']}")
        made = answer["FlowLogIds"][0]
        return Resource(made, {"Id": made})

    def delete(self, request: HandlerRequest) -> None:
        _gone(request, "delete_flow_logs", FlowLogIds=[request.physical_id])


def _permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a template as the API takes it."""
    said = {"Description": rule["Description"]} if "Description" in rule else {}
    other = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    found: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    if "FromPort" in rule:
        found |= {"FromPort": int(rule["FromPort"]), "ToPort": int(rule["ToPort"])}
    if "CidrIp" in rule:
        found["IpRanges"] = [{"CidrIp": rule["CidrIp"], **said}]
    if other:
        found["UserIdGroupPairs"] = [{"GroupId": other, **said}]
    if "DestinationPrefixListId" in rule:
        found["PrefixListIds"] = [{"PrefixListId": rule["DestinationPrefixListId"], **said}]
    return found


def _tags(request: HandlerRequest, kind: str) -> list[dict[str, Any]]:
    tags = list(request.properties.get("Tags", []))
    return [{"ResourceType": kind, "Tags": tags}] if tags else []


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


def _gone(request: HandlerRequest, operation: str, **arguments: Any) -> None:
    """Delete what may be gone already: EC2's codes for that end in NotFound."""
    try:
        getattr(request.client("ec2"), operation)(**arguments)
    except ClientError as error:
        if "NotFound" not in error.response["Error"]["Code"]:
            raise
