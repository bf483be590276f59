"""What checks look at: the campaign, the templates that it would deploy, and the account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkroom.campaign import ResolvedCampaign, Sources, load_campaign
from darkroom.operations.synthesized import stack_templates


@dataclass(frozen=True)
class Situation:
    """A campaign before its deployment.

    Attributes:
        templates: the template of each of its stacks, by the stack's name.
        session: a boto3 session; its clients look where the deployment would go.
    """

    campaign: ResolvedCampaign
    templates: Mapping[str, Mapping[str, Any]]
    session: Any

    @property
    def most_instances(self) -> int:
        """The largest fleet that scaling or its schedule allows."""
        scaling = self.campaign.file.scaling
        return max([scaling.max_instances, *(action.max_instances or 0 for action in scaling.schedule)])

    def client(self, service: str) -> Any:
        """A client in the campaign's region."""
        return self.session.client(service, region_name=self.campaign.file.environment.region)

    def resources(self, type_name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Stack and properties of every resource of a type."""
        for stack, template in self.templates.items():
            for resource in template["Resources"].values():
                if resource["Type"] == type_name:
                    yield stack, resource.get("Properties", {})

    def text(self, value: Any) -> str | None:
        """A property of a template as it would be deployed; None where a resource would say it."""
        if isinstance(value, str):
            return value
        if isinstance(value, Mapping) and "Fn::Join" in value:
            separator, parts = value["Fn::Join"]
            texts = [self.text(part) for part in parts]
            return None if None in texts else separator.join(part for part in texts if part is not None)
        if isinstance(value, Mapping) and "Ref" in value:
            return self._pseudo(str(value["Ref"]))
        return None

    def _pseudo(self, name: str) -> str | None:
        where = self.campaign.file.environment
        china = where.region.startswith("cn-")
        return {
            "AWS::AccountId": where.account,
            "AWS::Region": where.region,
            "AWS::Partition": "aws-cn" if china else "aws",
            "AWS::URLSuffix": "amazonaws.com.cn" if china else "amazonaws.com",
        }.get(name)


def situation_of(name: str, session: Any, campaigns: Path | None = None) -> Situation:
    """Load and synthesize a campaign.

    Raises:
        CampaignError: its file is wrong.
        PlanError: it can't be synthesized.
    """
    sources = Sources() if campaigns is None else Sources(campaigns=campaigns)
    campaign = load_campaign(sources, name)
    return Situation(campaign, stack_templates(name, campaigns), session)
