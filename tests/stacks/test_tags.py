"""Every resource that can be tagged is: what is not, no budget counts and nobody finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.stacks.synthesized import Synth
from tests.stacks.test_configurations import CONFIGURATIONS

REGION = "us-east-1"
CAMPAIGNS = Path(__file__).resolve().parents[2] / "campaigns"


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_resource_that_can_be_tagged_carries_the_campaigns_tags(name: str, synth: Synth) -> None:
    campaign, overrides = CONFIGURATIONS[name]
    synthesized = synth(campaign, checked=True, **overrides)
    own = yaml.safe_load((CAMPAIGNS / f"{campaign}.yaml").read_text()).get("tags", {})
    wanted = {"darkroom:campaign": campaign, **own}
    untagged = [
        f"{stack}: {logical_id} ({resource['Type']})"
        for stack in synthesized.stacks
        for logical_id, resource in synthesized.template(stack)["Resources"].items()
        if (tags_property := property_of_tags(resource["Type"])) is not None
        and not wanted.items() <= tags_of(resource, tags_property).items()
    ]
    assert not untagged


def test_the_demo_has_a_tag_of_its_own() -> None:
    """Or else the test above shows nothing of those."""
    assert yaml.safe_load((CAMPAIGNS / "demo.yaml").read_text())["tags"]


def test_the_test_knows_what_can_be_tagged() -> None:
    assert property_of_tags("AWS::SNS::Topic") == "Tags"
    assert property_of_tags("AWS::Budgets::Budget") == "ResourceTags"
    assert property_of_tags("AWS::Lambda::Permission") is None
    assert property_of_tags("Custom::BucketCleanup") is None


def property_of_tags(type_name: str) -> str | None:
    """Where a type has its tags, by its schema in CloudFormation's registry; None where it has none."""
    if not type_name.startswith("AWS::"):
        return None
    schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_name).schema
    tagging = schema.get("tagging", {"taggable": "Tags" in schema["properties"]})
    if not tagging.get("taggable", True):
        return None
    return str(tagging.get("tagProperty", "/properties/Tags")).rsplit("/", 1)[-1]


def tags_of(resource: dict[str, Any], tags_property: str) -> dict[str, str]:
    """A resource's tags; some types have a mapping, most a list."""
    tags = resource.get("Properties", {}).get(tags_property, {})
    if isinstance(tags, dict):
        return tags
    return {tag["Key"]: tag["Value"] for tag in tags}
