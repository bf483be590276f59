"""VPCs that hold: what is attached to one reaches what its routes, endpoints and groups let it reach."""

from __future__ import annotations

import re
from typing import Any

from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response

from darkroom.sandbox.context import Context
from darkroom.sandbox.http_server import WsgiApp
from darkroom.sandbox.network.attachment import Attachment
from darkroom.sandbox.network.reachability import Endpoint, refusal, way
from darkroom.sandbox.network.router import PASSAGE, Passage, Routers

__all__ = [
    "PASSAGE",
    "Attachment",
    "Endpoint",
    "Passage",
    "install",
    "refusal",
    "route_to",
    "routers",
    "way",
]

# EC2's operations that are played, beside those that only describe these things: nothing would run behind an
# instance.
_PLAYED = re.compile(
    "(Create|Delete|Describe|Modify|Associate|Disassociate|Authorize|Revoke)"
    "(Vpcs?|VpcAttribute|VpcEndpoints?|VpcEndpointServices|Subnets?|SubnetAttribute|RouteTables?"
    "|SecurityGroups?|SecurityGroupRules|SecurityGroupIngress|SecurityGroupEgress|NetworkInterfaces?"
    "|FlowLogs|Tags|AvailabilityZones|Regions|InstanceTypeOfferings|ManagedPrefixLists|PrefixLists)"
)
_call_in_moto: Any = EC2Response.call_action
_delete_subnet_in_moto: Any = EC2Backend.delete_subnet
_delete_group_in_moto: Any = EC2Backend.delete_security_group
_routers = Routers()


def install(context: Context) -> None:
    """Refuse what is not played and to delete what interfaces are in; stop the routers at the end."""
    setattr(EC2Response, "call_action", _call_action)  # noqa: B010 - a method of moto's
    for name, method in (
        ("delete_subnet", _delete_subnet),
        ("delete_security_group", _delete_security_group),
    ):
        setattr(EC2Backend, name, method)
    context.on_stop.append(_routers.stop)


def route_to(app: WsgiApp) -> None:
    """Have the routers hand on to ``app`` what may pass."""
    _routers.app = app


def routers() -> Routers:
    """The routers of the VPCs that something is attached to."""
    return _routers


def _call_action(response: Any) -> Any:
    action = response._get_action()
    if not _PLAYED.fullmatch(action):
        raise NotImplementedError(f"{action}: of EC2 the sandbox plays VPCs")
    return _call_in_moto(response)


def _delete_subnet(backend: Any, subnet_id: str) -> Any:
    if any(interface.subnet.id == subnet_id for interface in list(backend.enis.values())):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return _delete_subnet_in_moto(backend, subnet_id)


def _delete_security_group(backend: Any, name: str | None = None, group_id: str | None = None) -> None:
    used = {group.id for interface in list(backend.enis.values()) for group in interface.group_set}
    endpoints = (one for one in list(backend.vpc_end_points.values()) if one.state != "deleted")
    used.update(group for endpoint in endpoints for group in endpoint.security_group_ids)
    if group_id in used:
        raise DependencyViolationError(f"resource {group_id} has a dependent object")
    _delete_group_in_moto(backend, name, group_id)
