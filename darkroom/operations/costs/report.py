"""`darkroom costs`: asks AWS, estimates, and lays the bill beside the estimate and the budget."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from darkroom.operations.campaign_stacks import CampaignStacks, read_campaign_stacks
from darkroom.operations.control_row import ControlRow
from darkroom.operations.costs.bill import Bill, month_to_date
from darkroom.operations.costs.estimate import CostLine, Span, Total, by_month, by_use, month_of, total_of
from darkroom.operations.costs.fixed import Template, fixed_units
from darkroom.operations.costs.prices import Price, ServicePrices
from darkroom.operations.costs.usage import measure, quantities
from darkroom.operations.deployed_campaign import DeployedCampaign
from darkroom.operations.endpoint import find_endpoint
from darkroom.operations.own_metrics import NAMESPACE
from darkroom.operations.service_clock import service_now
from darkroom.planner.prices import Prices


@dataclass(frozen=True)
class Costs:
    """What is known of a campaign's costs this month.

    Attributes:
        budget: dollars a month; None without one.
        instance_hours: so far, as the metrics have them.
    """

    campaign: str
    bill: Bill
    lines: tuple[CostLine, ...]
    total: Total
    budget: float | None
    instance_type: str | None
    instance_hours: float
    is_paused: bool
    span: Span
    prices_as_of: str

    def as_json(self) -> dict[str, Any]:
        """For json.dumps."""
        total = {**asdict(self.total), "per_picture": self.total.per_picture}
        return {**asdict(self), "total": total}


def costs_of(
    campaign: DeployedCampaign, instances: Prices, services: ServicePrices, *, ask_bill: bool = True
) -> Costs:
    """Look up what ``campaign`` has cost since the month began, and where that leads.

    Raises:
        PlanError, PriceError: a price is missing.
    """
    session, name = campaign.session, campaign.name
    now = service_now(session)
    stacks = read_campaign_stacks(name, session)
    span = month_of(now, min(stack.created_at.timestamp() for stack in stacks.stacks.values()))
    templates = {part: _template(session, stack.name) for part, stack in stacks.stacks.items()}
    functions = _functions(templates, stacks)
    wanted = quantities(
        name,
        functions=functions,
        table=campaign.jobs_table,
        looks_at_pictures=_is_granted("rekognition:DetectModerationLabels", templates["api"]),
    )
    measured = measure(session.client("cloudwatch"), wanted, span.start, now)
    paused = ControlRow(session.client("dynamodb"), campaign.jobs_table).read().paused_at is not None
    instance_type = _instance_type(session, name)
    pictures = sum(measured.pop("picture").values())
    lines = [
        by_use(unit, hours, _price(unit, instance_type, instances, services), span, goes_on=not paused)
        for unit, hours in measured.items()
    ]
    units = fixed_units(templates.values())
    units["custom_metric_month"] = _custom_metrics(session, name)
    lines += [by_month(unit, count, services.of(unit), span) for unit, count in units.items() if count]
    if units["web_acl_month"]:
        seen = measured["api_request"]
        lines.append(by_use("firewall_request", seen, services.of("firewall_request"), span, goes_on=True))
    unasked = Bill({}, "Cost Explorer was not asked (--no-bill)")
    return Costs(
        campaign=name,
        bill=month_to_date(session.client("ce"), name, now) if ask_bill else unasked,
        lines=tuple(sorted(lines, key=lambda line: -line.forecast)),
        total=total_of(lines, pictures),
        budget=_budget(session, stacks),
        instance_type=instance_type,
        instance_hours=sum(measured["instance_hour"].values()),
        is_paused=paused,
        span=span,
        prices_as_of=min(instances.as_of, services.as_of),
    )


def _price(unit: str, instance_type: str | None, instances: Prices, services: ServicePrices) -> Price:
    if unit != "instance_hour":
        return services.of(unit)
    if instance_type is None:
        return Price(value=0.0, source="there is no endpoint")
    return Price(value=instances.of(instance_type), source=instances.source)


def _template(session: Any, stack: str) -> Template:
    body: Template = session.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
    return body


def _is_granted(action: str, template: Template) -> bool:
    """One of the roles in the template may do it."""
    roles = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::IAM::Role"]
    return f'"{action}"' in json.dumps(roles)


def _functions(templates: Mapping[str, Template], stacks: CampaignStacks) -> dict[str, float]:
    """Memory in GB of the functions of the stacks, by name."""
    return {
        one.physical_id: int(declared["Properties"].get("MemorySize", 128)) / 1024
        for part, template in templates.items()
        for one in stacks.resources[part]
        if one.type == "AWS::Lambda::Function"
        and (declared := template.get("Resources", {}).get(one.logical_id))
    }


def _instance_type(session: Any, campaign: str) -> str | None:
    sagemaker = session.client("sagemaker")
    endpoint = find_endpoint(campaign, sagemaker)
    if endpoint is None:
        return None
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    return str(config["ProductionVariants"][0]["InstanceType"])


def _custom_metrics(session: Any, campaign: str) -> int:
    pages = (
        session.client("cloudwatch")
        .get_paginator("list_metrics")
        .paginate(Namespace=NAMESPACE, Dimensions=[{"Name": "campaign", "Value": campaign}])
    )
    return sum(len(page["Metrics"]) for page in pages)


def _budget(session: Any, stacks: CampaignStacks) -> float | None:
    """The limit of the budget that the monitoring stack has made."""
    name = stacks.first("monitoring", "AWS::Budgets::Budget")
    if name is None:
        return None
    account = stacks.stacks["monitoring"].id.split(":")[4]
    found = session.client("budgets").describe_budget(AccountId=account, BudgetName=name)
    return float(found["Budget"]["BudgetLimit"]["Amount"])
