"""The network interfaces by which functions are in a VPC.

One for each subnet and set of security groups, shared by the functions that are attached alike (Lambda
developer guide, "Understanding Hyperplane Elastic Network Interfaces"). Lambda makes and deletes them in the
function's role. On AWS they go up to twenty minutes after the last function has; here at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import lambda_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from darkroom.sandbox import context as sandbox
from darkroom.sandbox.network import Attachment

if TYPE_CHECKING:
    from darkroom.sandbox.lambda_runtime.function import Function

_DESCRIPTION = "AWS Lambda VPC ENI"
_SESSION_SECONDS = 900
_one_at_a_time = threading.Lock()


def attach(function: Function) -> None:
    """Make the interfaces that a function needs and no other has.

    Raises:
        InvalidParameterValueException: EC2 refuses, or the role may not.
    """
    network = function.network
    if network is None:
        return
    with _one_at_a_time:
        ec2 = _in_role(function)
        try:
            # Lambda looks at the subnets before it takes addresses of them.
            ec2.describe_subnets(SubnetIds=list(network.subnet_ids))
            have = {one["SubnetId"] for one in _interfaces(ec2, network)}
            for subnet_id in network.subnet_ids:
                if subnet_id not in have:
                    ec2.create_network_interface(
                        SubnetId=subnet_id, Groups=list(network.security_group_ids), Description=_DESCRIPTION
                    )
        except ClientError as error:
            raise InvalidParameterValueException(
                f"The provided execution role does not have permissions to call EC2, or EC2 refused: {error}"
            ) from error


def detach(function: Function, network: Attachment | None) -> None:
    """Delete the interfaces of ``network`` when ``function`` was the last that used them."""
    if network is None or any(other.network == network for other in _others(function)):
        return
    with _one_at_a_time:
        ec2 = _in_role(function)
        for interface in _interfaces(ec2, network):
            ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])


def move(function: Function, before: Attachment | None) -> None:
    """Attach a function where it is configured to be now, and detach it from where it was."""
    if before != function.network:
        attach(function)
        detach(function, before)


def _others(function: Function) -> Iterator[Any]:
    groups = list(lambda_backends[function.account_id][function.region]._lambdas._functions.values())
    # moto's own list of them copies each function deeply, which fails while another thread changes one.
    every = [group["latest"] for group in groups]
    return (other for other in every if other and other.function_arn != function.function_arn)


def _interfaces(ec2: Any, network: Attachment) -> list[dict[str, Any]]:
    found = ec2.describe_network_interfaces(
        Filters=[{"Name": "subnet-id", "Values": list(network.subnet_ids)}]
    )["NetworkInterfaces"]
    return [
        one
        for one in found
        if one["Description"] == _DESCRIPTION
        and tuple(sorted(group["GroupId"] for group in one["Groups"])) == network.security_group_ids
    ]


def _in_role(function: Function) -> Any:
    """EC2, called as Lambda calls it: with credentials of the function's role."""
    session = sts_backends[function.account_id][get_partition(function.region)].assume_role(
        region_name=function.region,
        role_session_name=function.function_name,
        role_arn=function.role,
        policy="",
        duration=_SESSION_SECONDS,
        external_id="",
    )
    return boto3.client(
        "ec2",
        region_name=function.region,
        endpoint_url=sandbox.current().settings.url,
        aws_access_key_id=session.access_key_id,
        aws_secret_access_key=session.secret_access_key,
        aws_session_token=session.session_token,
    )
