"""The web ACL before the stage, as the template has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.campaign.access import Api, Firewall
from stacks.firewall import COUNTED, requests_per_address
from tests.stacks.synthesized import Synth, Synthesized

ACL = "AWS::WAFv2::WebACL"


@pytest.fixture(scope="module")
def demo(synth: Synth) -> Synthesized:
    return synth("demo")


def _rules(synthesized: Synthesized) -> dict[str, dict[str, Any]]:
    return {rule["Name"]: rule for rule in synthesized.only("api", ACL)["Rules"]}


def test_by_default_a_web_acl_stands_before_the_stage(demo: Synthesized) -> None:
    association = demo.only("api", "AWS::WAFv2::WebACLAssociation")
    (acl,) = demo.resources("api", ACL)
    (stage,) = demo.resources("api", "AWS::ApiGateway::Stage")
    assert association["WebACLArn"] == {"Fn::GetAtt": [acl, "Arn"]}
    assert {"Ref": stage} in association["ResourceArn"]["Fn::Join"][1]
    assert demo.only("api", ACL)["DefaultAction"] == {"Allow": {}}


def test_a_rate_rule_and_three_groups_of_managed_rules_block(demo: Synthesized) -> None:
    rules = _rules(demo)
    rate = rules.pop("RequestsPerAddress")
    assert rate["Action"] == {"Block": {}}
    statement = rate["Statement"]["RateBasedStatement"]
    assert statement == {"AggregateKeyType": "IP", "EvaluationWindowSec": 300, "Limit": 500 * 300 + 1000}
    groups = [rule["Statement"]["ManagedRuleGroupStatement"]["Name"] for rule in rules.values()]
    assert groups == [
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesCommonRuleSet",
    ]
    assert all(rule["OverrideAction"] == {"None": {}} for rule in rules.values())


def test_no_rule_about_bodies_in_general_blocks_a_prompt(demo: Synthesized) -> None:
    group = _rules(demo)["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]
    overridden = {each["Name"]: each["ActionToUse"] for each in group["RuleActionOverrides"]}
    assert overridden == {name: {"Count": {}} for name in COUNTED}
    assert {"SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericRFI_BODY"} <= overridden.keys()


def test_no_request_is_kept_but_who_was_blocked_is_logged_without_secrets(demo: Synthesized) -> None:
    template = json.dumps(demo.only("api", ACL))
    assert template.count('"SampledRequestsEnabled": false') == 5
    assert '"SampledRequestsEnabled": true' not in template
    logging = demo.only("api", "AWS::WAFv2::LoggingConfiguration")
    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    redacted = {field["SingleHeader"]["Name"] for field in logging["RedactedFields"]}
    assert redacted == {"authorization", "x-api-key"}
    (group,) = [
        each
        for each in demo.resources("api", "AWS::Logs::LogGroup").values()
        if each["Properties"]["LogGroupName"] == "aws-waf-logs-darkroom-demo"
    ]
    assert group["DeletionPolicy"] == "Delete"


def test_a_campaign_may_want_another_rate_or_no_firewall(synth: Synth) -> None:
    narrow = synth("demo", api={"firewall": {"requests_per_address": 100}})
    rate = _rules(narrow)["RequestsPerAddress"]["Statement"]["RateBasedStatement"]
    assert rate["Limit"] == 100
    without = synth("demo", api={"firewall": {"enabled": False}})
    assert not [id for id, each in without.template("api")["Resources"].items() if "WAFv2" in each["Type"]]


@given(st.floats(0.01, 10_000), st.integers(1, 5000))
def test_what_the_stage_lets_through_in_a_window_the_firewall_does_not_block(rate: float, burst: int) -> None:
    limit = requests_per_address(Api(requests_per_second=rate, burst=burst))
    assert max(2000, rate * 300 + burst) <= limit <= max(2000, rate * 300 + burst + 1)
    assert limit <= 2_000_000_000


def test_what_the_file_says_goes_before_the_default() -> None:
    assert requests_per_address(Api(firewall=Firewall(requests_per_address=10))) == 10
