"""A network with no way out: private subnets, and VPC endpoints for the services called from inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from stacks.network_policies import (
    Service,
    dynamodb_policy,
    interface_services,
    s3_policy,
)
from stacks.permissions import allow, arn

# Two subnets of 507 addresses: SageMaker takes two an instance, Lambda one a subnet and security group.
CIDR, SUBNET_CIDRS = "10.0.0.0/22", ("10.0.0.0/23", "10.0.2.0/23")
HTTPS = 443
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class Attachment:
    """Where a function or a model is attached: the subnets, and the security group that it is in."""

    subnet_ids: Sequence[str]
    security_group_id: str

    def of_function(self) -> lambda_.CfnFunction.VpcConfigProperty:
        """As AWS::Lambda::Function takes it."""
        return lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=list(self.subnet_ids), security_group_ids=[self.security_group_id]
        )

    def of_model(self) -> dict[str, Any]:
        """As AWS::SageMaker::Model takes it."""
        return {"subnets": self.subnet_ids, "securityGroupIds": [self.security_group_id]}


class Network(Construct):
    """A VPC of two private subnets in two zones: no internet or NAT gateway, so no route leads out.

    Gateway endpoints (S3, DynamoDB) cost nothing. An interface endpoint costs by the hour and zone, so there
    are those that the campaign's functions call, and no other: what Lambda, SageMaker, API Gateway, SNS and
    EventBridge do themselves (logs, traces, metrics, notifications, dead letters, images from ECR) does not
    pass through the VPC.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: ResolvedCampaign,
        key: kms.IKey,
        jobs: dynamodb.ITable,
    ) -> None:
        super().__init__(scope, id)
        self._stack = cdk.Stack.of(self)
        self._campaign = campaign
        self.vpc = ec2.CfnVPC(
            self,
            "Vpc",
            cidr_block=CIDR,
            # Both are needed for the endpoints' private names.
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=[cdk.CfnTag(key="Name", value=campaign.name)],
        )
        self._route_table = ec2.CfnRouteTable(self, "Routes", vpc_id=self.vpc.ref)
        self._subnets = [self._build_subnet(index, cidr) for index, cidr in enumerate(SUBNET_CIDRS)]
        functions = self._build_group("Functions", "The functions of the campaign")
        model = self._build_group("Model", "The model containers and build jobs of the campaign")
        self._build_gateway("S3", "s3", s3_policy(self._stack, campaign))
        self._build_gateway("DynamoDb", "dynamodb", dynamodb_policy(self._stack, jobs))
        # A gateway endpoint's addresses are its service's public ones. Its prefix list, which a rule could
        # name, has another id in every region and no attribute that a template could read; the route table is
        # what keeps everything else out: there is no route but to these two services and within the VPC.
        for name, group in (("Functions", functions), ("Model", model)):
            self._allow_https(f"{name}ToGateways", group, cidr_ip=ANYWHERE)
        self._build_interfaces(functions)
        self._build_flow_log(key)
        self.functions = self._attachment(functions)
        self.model = self._attachment(model)

    def _attachment(self, group: ec2.CfnSecurityGroup) -> Attachment:
        return Attachment([subnet.attr_subnet_id for subnet in self._subnets], group.attr_group_id)

    def _build_subnet(self, index: int, cidr: str) -> ec2.CfnSubnet:
        subnet = ec2.CfnSubnet(
            self,
            f"Subnet{index + 1}",
            vpc_id=self.vpc.ref,
            cidr_block=cidr,
            availability_zone=cdk.Fn.select(index, cdk.Fn.get_azs()),
            map_public_ip_on_launch=False,
            tags=[cdk.CfnTag(key="Name", value=f"{self._campaign.name}-{index + 1}")],
        )
        ec2.CfnSubnetRouteTableAssociation(
            self, f"Subnet{index + 1}Routes", subnet_id=subnet.ref, route_table_id=self._route_table.ref
        )
        return subnet

    def _build_group(self, name: str, description: str) -> ec2.CfnSecurityGroup:
        """A security group that lets nothing in, and nothing out but what is added to it."""
        nothing = ec2.CfnSecurityGroup.EgressProperty(
            # Without any egress rule EC2 adds one that allows everything; this one allows nothing at all.
            cidr_ip="255.255.255.255/32",
            ip_protocol="icmp",
            from_port=252,
            to_port=86,
            description="Nothing",
        )
        return ec2.CfnSecurityGroup(
            self,
            f"{name}Group",
            group_description=f"{description} {self._campaign.name}",
            vpc_id=self.vpc.ref,
            security_group_egress=[nothing],
        )

    def _allow_https(self, id: str, group: ec2.CfnSecurityGroup, **to: str) -> None:
        ec2.CfnSecurityGroupEgress(
            self,
            id,
            group_id=group.attr_group_id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            description=id,
            **to,
        )

    def _build_gateway(self, id: str, service: str, policy: dict[str, Any]) -> None:
        ec2.CfnVPCEndpoint(
            self,
            id,
            vpc_id=self.vpc.ref,
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{self._stack.region}.{service}",
            route_table_ids=[self._route_table.ref],
            policy_document=policy,
        )

    def _build_interfaces(self, functions: ec2.CfnSecurityGroup) -> None:
        endpoints = self._build_group("Endpoints", "The interface endpoints of the campaign")
        ec2.CfnSecurityGroupIngress(
            self,
            "EndpointsFromFunctions",
            group_id=endpoints.attr_group_id,
            source_security_group_id=functions.attr_group_id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            description="The functions' calls",
        )
        self._allow_https(
            "FunctionsToEndpoints", functions, destination_security_group_id=endpoints.attr_group_id
        )
        for service in interface_services(self._stack, self._campaign):
            self._build_interface(service, endpoints)

    def _build_interface(self, service: Service, group: ec2.CfnSecurityGroup) -> None:
        ec2.CfnVPCEndpoint(
            self,
            service.id,
            vpc_id=self.vpc.ref,
            vpc_endpoint_type="Interface",
            service_name=service.name,
            subnet_ids=[subnet.ref for subnet in self._subnets],
            security_group_ids=[group.attr_group_id],
            private_dns_enabled=True,
            policy_document=service.policy,
        )

    def _build_flow_log(self, key: kms.IKey) -> None:
        """Who talked to whom: an answer to whether anything tried to leave."""
        log_group = logs.LogGroup(
            self,
            "FlowLogs",
            log_group_name=network_log_group(self._campaign.name),
            encryption_key=key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        writing = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        # It may write for flow logs of this account alone (VPC user guide, "Publish flow logs to CloudWatch
        # Logs", which names the actions).
        self.flow_logs_role = iam.Role(
            self,
            "FlowLogsRole",
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": self._stack.account},
                    "ArnLike": {"aws:SourceArn": arn(self._stack, "ec2", "vpc-flow-log/*")},
                },
            ),
            inline_policies={
                "Deliver": iam.PolicyDocument(statements=[allow(writing, [log_group.log_group_arn])])
            },
        )
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.vpc.ref,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=log_group.log_group_name,
            deliver_logs_permission_arn=self.flow_logs_role.role_arn,
            max_aggregation_interval=600,
        )


def network_log_group(campaign: str) -> str:
    """Where the VPC's flow logs go."""
    return f"/darkroom/{campaign}/network"
