"""What calls of EC2 about network interfaces need.

Service authorization reference, "Actions, resources, and condition keys for Amazon EC2": the describing
actions take no resource; an interface is made in a subnet, with security groups, before it has an id.
"""

from __future__ import annotations

from darkroom.sandbox.iam.call import Call, Need, UnknownCallError

_DESCRIBING = frozenset({"DescribeNetworkInterfaces", "DescribeSubnets"})


def ec2_needs(call: Call) -> list[Need]:
    """The permission on everything that a call is about.

    Raises:
        UnknownCallError: the call is not one that attaches something to a VPC.
    """
    action = f"ec2:{call.operation}"
    if call.operation in _DESCRIBING:
        return [Need(action)]
    if call.operation == "DeleteNetworkInterface":
        return [Need(action, call.arn(f"network-interface/{call.parameter('NetworkInterfaceId')}"))]
    if call.operation == "CreateNetworkInterface":
        groups = call.parameters.get("Groups") or []
        resources = [
            "network-interface/*",
            f"subnet/{call.parameter('SubnetId')}",
            *(f"security-group/{group}" for group in groups),
        ]
        return [Need(action, call.arn(resource)) for resource in resources]
    raise UnknownCallError(f"IAM is enforced, and which permissions {action} needs is not known")
