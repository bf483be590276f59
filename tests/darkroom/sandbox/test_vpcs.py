"""What is in a VPC of the sandbox reaches what EC2 lets it reach, and nothing else."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.sandbox.process import SandboxProcess

REGION = "us-east-1"
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
EVERYTHING = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
CODE = """
import urllib.request
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
CALLS = {
    "s3": lambda client: client.list_buckets(),
    "dynamodb": lambda client: client.list_tables(),
    "sqs": lambda client: client.list_queues(),
    "sagemaker-runtime": lambda client: client.invoke_endpoint(EndpointName="none", Body=b"{}"),
}

def handler(event, context):
    if event.startswith("http"):
        return urllib.request.urlopen(event, timeout=5).status
    try:
        CALLS[event](boto3.client(event, config=CONFIG))
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "answered"
"""


class Vpc:
    """A VPC with one subnet, a function in it, and what a test adds."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = client
        self.ec2 = client("ec2")
        self.id = self.ec2.create_vpc(CidrBlock="10.1.0.0/24")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.id, EnableDnsHostnames={"Value": True})
        made = self.ec2.create_subnet(VpcId=self.id, CidrBlock="10.1.0.0/25", AvailabilityZone=f"{REGION}a")
        self.subnet = made["Subnet"]["SubnetId"]
        self.table = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)
        self.functions, self.endpoints = self._group("functions"), self._group("endpoints")

    def _group(self, name: str) -> str:
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.id)["GroupId"]
        self.ec2.revoke_security_group_egress(GroupId=made, IpPermissions=[EVERYTHING])
        return str(made)

    def let_out(self, **to: Any) -> None:
        """Let the functions' group call ``to`` over HTTPS."""
        self.ec2.authorize_security_group_egress(GroupId=self.functions, IpPermissions=[{**HTTPS, **to}])

    def let_in(self) -> None:
        """Let the functions' group call the interface endpoints, and these be called by it."""
        self.let_out(UserIdGroupPairs=[{"GroupId": self.endpoints}])
        rule = {**HTTPS, "UserIdGroupPairs": [{"GroupId": self.functions}]}
        self.ec2.authorize_security_group_ingress(GroupId=self.endpoints, IpPermissions=[rule])

    def gateway(self, service: str, *tables: str, policy: str | None = None) -> str:
        """A gateway endpoint, in the subnet's route table unless others are given."""
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.id,
            VpcEndpointType="Gateway",
            ServiceName=f"com.amazonaws.{REGION}.{service}",
            RouteTableIds=list(tables) or [self.table],
            **({"PolicyDocument": policy} if policy else {}),
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def interface(self, service: str, *, private_names: bool = True, policy: str | None = None) -> None:
        """An interface endpoint that lets the functions' group in."""
        self.ec2.create_vpc_endpoint(
            VpcId=self.id,
            VpcEndpointType="Interface",
            ServiceName=f"com.amazonaws.{REGION}.{service}",
            SubnetIds=[self.subnet],
            SecurityGroupIds=[self.endpoints],
            PrivateDnsEnabled=private_names,
            **({"PolicyDocument": policy} if policy else {}),
        )

    def reaches(self, function: str, service: str) -> bool:
        """Whether a call that the function makes is answered."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(service))
        return "FunctionError" not in answer

    def function(self, name: str, code: str = CODE) -> None:
        """A function in the subnet."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr("index.py", code)
        trust = {"Version": "2012-10-17", "Statement": []}
        iam = self.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        attaching = {"Effect": "Allow", "Action": "ec2:*NetworkInterface*", "Resource": "*"}
        looking = {
            "Effect": "Allow",
            "Action": ["ec2:DescribeSubnets", "s3:*", "dynamodb:*", "sqs:*"],
            "Resource": "*",
        }
        policy = {"Version": "2012-10-17", "Statement": [attaching, looking]}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.14",
            Handler="index.handler",
            Role=role,
            Code={"ZipFile": archive.getvalue()},
            Timeout=15,
            VpcConfig={"SubnetIds": [self.subnet], "SecurityGroupIds": [self.functions]},
        )


@pytest.fixture(scope="module")
def aws() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture(scope="module")
def vpc(aws: SandboxProcess) -> Vpc:
    """One for all tests, which follow one another: each adds what the last one lacked."""
    made = Vpc(aws.client)
    made.function("inside")
    return made


def test_without_endpoints_nothing_is_reached(vpc: Vpc) -> None:
    vpc.let_out(IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    assert [service for service in ("s3", "dynamodb", "sqs") if vpc.reaches("inside", service)] == []


def test_there_is_no_way_to_the_internet(vpc: Vpc) -> None:
    assert not vpc.reaches("inside", "http://example.com/")
    assert not vpc.reaches("inside", "https://pypi.org/simple/")


def test_a_gateway_endpoint_is_reached_by_the_subnet_s_own_route_table_alone(vpc: Vpc) -> None:
    other = vpc.ec2.create_route_table(VpcId=vpc.id)["RouteTable"]["RouteTableId"]
    elsewhere = vpc.gateway("s3", other)
    assert not vpc.reaches("inside", "s3")
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=[elsewhere])
    endpoint = vpc.gateway("s3")
    assert vpc.reaches("inside", "s3")
    assert not vpc.reaches("inside", "dynamodb")
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert not vpc.reaches("inside", "s3")


def test_an_interface_endpoint_needs_its_private_name_and_both_security_groups(vpc: Vpc) -> None:
    vpc.interface("sqs", private_names=False)
    vpc.ec2.authorize_security_group_ingress(
        GroupId=vpc.endpoints, IpPermissions=[{**HTTPS, "UserIdGroupPairs": [{"GroupId": vpc.functions}]}]
    )
    assert not vpc.reaches("inside", "sqs")
    vpc.interface("sqs")
    assert vpc.reaches("inside", "sqs")
    vpc.ec2.revoke_security_group_ingress(
        GroupId=vpc.endpoints, IpPermissions=[{**HTTPS, "UserIdGroupPairs": [{"GroupId": vpc.functions}]}]
    )
    assert not vpc.reaches("inside", "sqs")


def test_sagemaker_s_runtime_and_its_api_are_two_endpoints(vpc: Vpc) -> None:
    vpc.ec2.authorize_security_group_ingress(
        GroupId=vpc.endpoints, IpPermissions=[{**HTTPS, "UserIdGroupPairs": [{"GroupId": vpc.functions}]}]
    )
    vpc.interface("sagemaker.api")
    assert not vpc.reaches("inside", "sagemaker-runtime")
    vpc.interface("sagemaker.runtime")
    assert vpc.reaches("inside", "sagemaker-runtime")


def test_what_an_interface_is_in_can_t_be_deleted_before_the_function(vpc: Vpc) -> None:
    with pytest.raises(ClientError, match="DependencyViolation"):
        vpc.ec2.delete_subnet(SubnetId=vpc.subnet)
    with pytest.raises(ClientError, match="DependencyViolation"):
        vpc.ec2.delete_security_group(GroupId=vpc.functions)
    vpc.client("lambda").delete_function(FunctionName="inside")
    ours = {"Name": "group-id", "Values": [vpc.functions]}
    assert vpc.ec2.describe_network_interfaces(Filters=[ours])["NetworkInterfaces"] == []
    vpc.ec2.delete_security_group(GroupId=vpc.functions)
