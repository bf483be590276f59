"""Whether a service can be reached from where something is attached, by what EC2 has now.

A gateway endpoint is reached when the route table of every subnet has it and a security group lets HTTPS out
to addresses that are not the VPC's own; an interface endpoint when it has private names, which the VPC
resolves, and both security groups let HTTPS through. There is no other way out: internet and NAT gateways are
not played. What an endpoint's policy lets pass is IAM's to say (darkroom/sandbox/iam/vpc_endpoints.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from moto.ec2.models import ec2_backends

from darkroom.sandbox.network.attachment import Attachment

_GATEWAYS = frozenset({"s3", "dynamodb"})
_HTTPS = 443


@dataclass(frozen=True)
class Endpoint:
    """A VPC endpoint that calls pass through; ``policy`` is its document, JSON."""

    id: str
    vpc_id: str
    service: str
    is_gateway: bool
    policy: str


@dataclass(frozen=True)
class Way:
    """How a service is reached: through each of ``endpoints``, as the subnets have them, or why it is not."""

    endpoints: tuple[Endpoint, ...] = ()
    refusal: str | None = None


def refusal(attachment: Attachment, service: str) -> str | None:
    """Why ``service`` can't be reached; None if it can.

    Args:
        service: as the names of endpoint services end, such as ``s3`` or ``sagemaker.runtime``.
    """
    return way(attachment, service).refusal


def way(attachment: Attachment, service: str) -> Way:
    """The way from an attachment to a service, by its name as above."""
    ec2 = ec2_backends[attachment.account_id][attachment.region]
    subnets = [ec2.get_subnet(subnet_id) for subnet_id in attachment.subnet_ids]
    groups = [ec2.get_security_group_from_id(one) for one in attachment.security_group_ids]
    vpc_id = subnets[0].vpc_id
    found = [one for one in _endpoints(ec2, vpc_id) if one.service_name.endswith(f".{service}")]
    if not found:
        return Way(refusal=f"{vpc_id} has no endpoint for {service} and no way to the internet")
    if service in _GATEWAYS and all(_is_gateway(one) for one in found):
        return _by_gateway(ec2, found, attachment, groups)
    return _by_interface(ec2, found, vpc_id, groups)


def _is_gateway(endpoint: Any) -> bool:
    return bool(endpoint.vpc_endpoint_type.lower() == "gateway")


def _endpoint(found: Any) -> Endpoint:
    return Endpoint(
        found.id, found.vpc_id, found.service_name, _is_gateway(found), str(found.policy_document)
    )


def _endpoints(ec2: Any, vpc_id: str) -> list[Any]:
    every = list(ec2.vpc_end_points.values())
    return [one for one in every if one.vpc_id == vpc_id and one.state == "available"]


def _by_gateway(ec2: Any, found: list[Any], attachment: Attachment, groups: list[Any]) -> Way:
    taken: dict[str, Endpoint] = {}
    for subnet_id in attachment.subnet_ids:
        tables = {table.id for table in _route_tables(ec2, subnet_id)}
        routed = [endpoint for endpoint in found if tables & set(endpoint.route_table_ids)]
        if not routed:
            return Way(refusal=f"the route table of {subnet_id} has no route to {found[0].service_name}")
        taken[routed[0].id] = _endpoint(routed[0])
    outside = (rule for group in groups for rule in group.egress_rules if _outside(rule))
    if not any(_is_https(rule) for rule in outside):
        return Way(refusal=f"no security group lets HTTPS out to {found[0].service_name}")
    return Way(tuple(taken.values()))


def _route_tables(ec2: Any, subnet_id: str) -> list[Any]:
    """A subnet's own route table, or its VPC's main one."""
    every, vpc_id = list(ec2.route_tables.values()), ec2.get_subnet(subnet_id).vpc_id
    own = [one for one in every if subnet_id in {each.get("SubnetId") for each in one.associations}]
    return own or [one for one in every if one.main_association_id and one.vpc_id == vpc_id]


def _by_interface(ec2: Any, found: list[Any], vpc_id: str, groups: list[Any]) -> Way:
    vpc = ec2.get_vpc(vpc_id)
    names = vpc.enable_dns_support and vpc.enable_dns_hostnames
    for endpoint in found:
        if not (names and endpoint.private_dns_enabled):
            continue
        behind = [ec2.get_security_group_from_id(one) for one in endpoint.security_group_ids]
        out = any(_is_https(rule) and _reaches(rule, behind) for one in groups for rule in one.egress_rules)
        into = any(_is_https(rule) and _reaches(rule, groups) for one in behind for rule in one.ingress_rules)
        if out and into:
            return Way((_endpoint(endpoint),))
    name = found[0].service_name
    return Way(refusal=f"the names or security groups of {name}'s endpoint let nothing through")


def _is_https(rule: Any) -> bool:
    if str(rule.ip_protocol) == "-1":
        return True
    return str(rule.ip_protocol) == "tcp" and int(rule.from_port) <= _HTTPS <= int(rule.to_port)


def _outside(rule: Any) -> bool:
    return bool(rule.prefix_list_id) or _is_anywhere(rule)


def _is_anywhere(rule: Any) -> bool:
    return bool(rule.cidr_ipv4 == "0.0.0.0/0")


def _reaches(rule: Any, groups: Iterable[Any]) -> bool:
    """Whether a rule's other side takes in one of ``groups``."""
    return _is_anywhere(rule) or rule.source_group.get("GroupId") in {group.id for group in groups}
