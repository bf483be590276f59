"""Quotas: how much of everything the account may have in the region."""

from __future__ import annotations

import math
from collections.abc import Iterator

from darkroom.operations.preflight.finding import Finding, ok, problem, warning
from darkroom.operations.preflight.situation import Situation
from darkroom.operations.tags import CAMPAIGN

_LEAST_CONCURRENCY = 50
VPCS, VPC_ZONES = "VPCs per Region", 2


def endpoint_instances(situation: Situation) -> Iterator[Finding]:
    """The fleet at its maximum fits the quota, beside other endpoints, and so does an update of it.

    A type that the region does not offer has no quota there.
    """
    endpoint, most = situation.campaign.file.endpoint, situation.most_instances
    kind, region = endpoint.instance_type, situation.campaign.file.environment.region
    subject, name = f"quota of {kind}", f"{kind} for endpoint usage"
    quota = _quota(situation, "sagemaker", name)
    if quota is None:
        yield problem(
            subject,
            f"{region} has no quota '{name}': SageMaker does not offer the type there",
            "Choose another region or another endpoint.instance_type.",
        )
        return
    others = _used_by_others(situation, kind)
    updating = most + (1 if most == 1 else math.ceil(most / 2))
    beside = f", of which other endpoints use {others}" if others else ""
    ask = f"Ask for at least {updating + others}: Service Quotas, Amazon SageMaker, '{name}'."
    if quota - others < most:
        yield problem(subject, f"{quota:g}{beside}; scaling.max_instances is {most}", ask)
    elif quota - others < updating:
        yield warning(subject, f"{quota:g}{beside}; an update at {most} instances needs {updating}", ask)
    else:
        yield ok(subject, f"{quota:g}{beside}; {updating} are enough for updates too")


def function_concurrency(situation: Situation) -> Iterator[Finding]:
    """The account's functions may run at once as often as the API's burst asks for."""
    quota = _quota(situation, "lambda", "Concurrent executions")
    subject = "Lambda concurrency"
    if quota is None:
        yield warning(subject, "Service Quotas does not list it", "Look at Lambda's account settings.")
        return
    # A request takes the front-end a fraction of a second; the rest of the account shares the quota.
    needed = max(_LEAST_CONCURRENCY, situation.campaign.file.api.requests_per_second / 4)
    if quota < needed:
        yield warning(
            subject,
            f"{quota:g} at once in the whole account; {needed:g} are a sane least for this campaign",
            "Ask for more: Service Quotas, AWS Lambda, 'Concurrent executions'.",
        )
    else:
        yield ok(subject, f"{quota:g} at once in the whole account")


def network(situation: Situation) -> Iterator[Finding]:
    """An isolated campaign's VPC fits the quota and has zones to be in."""
    if situation.campaign.file.network != "isolated":
        return
    ec2 = situation.client("ec2")
    zones = [
        zone["ZoneName"]
        for zone in ec2.describe_availability_zones()["AvailabilityZones"]
        if zone["State"] == "available"
    ]
    if len(zones) < VPC_ZONES:
        yield problem(
            "availability zones", f"{len(zones)} of the {VPC_ZONES} needed", "Choose another region."
        )
    else:
        yield ok("availability zones", f"{len(zones)}")
    quota = _quota(situation, "vpc", VPCS)
    vpcs = [vpc for page in ec2.get_paginator("describe_vpcs").paginate() for vpc in page["Vpcs"]]
    mine = {"Key": CAMPAIGN, "Value": situation.campaign.name}
    own = [vpc for vpc in vpcs if mine in vpc.get("Tags", [])]
    if quota is not None and not own and len(vpcs) >= quota:
        yield problem(
            "VPCs",
            f"all {quota:g} of the region are used",
            f"Delete one, or ask for more: Service Quotas, Amazon VPC, '{VPCS}'.",
        )
    else:
        yield ok("VPCs", f"{len(vpcs)} of {quota:g}" if quota is not None else str(len(vpcs)))


def _quota(situation: Situation, service: str, name: str) -> float | None:
    """The applied quota of that name: quotas have no codes that are written down anywhere."""
    pages = situation.client("service-quotas").get_paginator("list_service_quotas")
    for page in pages.paginate(ServiceCode=service):
        for quota in page["Quotas"]:
            if quota["QuotaName"] == name:
                return float(quota["Value"])
    return None


def _used_by_others(situation: Situation, instance_type: str) -> int:
    """Instances of the type that other endpoints want now."""
    sagemaker, used = situation.client("sagemaker"), 0
    for page in sagemaker.get_paginator("list_endpoints").paginate():
        for endpoint in page["Endpoints"]:
            if endpoint["EndpointName"] == situation.campaign.name:
                continue
            described = sagemaker.describe_endpoint(EndpointName=endpoint["EndpointName"])
            wanted = {
                variant["VariantName"]: max(
                    variant.get("DesiredInstanceCount", 0), variant.get("CurrentInstanceCount", 0)
                )
                for variant in described.get("ProductionVariants", [])
            }
            config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
            used += sum(
                wanted.get(variant["VariantName"], 0)
                for variant in config["ProductionVariants"]
                if variant.get("InstanceType") == instance_type
            )
    return used
