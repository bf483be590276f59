"""A web ACL before a stage: rates by address, what is logged of whom it blocks, what is not played."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.sandbox.cloudformation.handler import Resource
from darkroom.sandbox.wafv2.rates import Rates
from tests.darkroom.sandbox.request_path.api_gateway.conftest import BODY, Campaign
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws

_VISIBILITY = {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": False}


def _rate(limit: int) -> dict[str, Any]:
    statement = {"Limit": limit, "AggregateKeyType": "IP", "EvaluationWindowSec": 300}
    return {
        "Name": "Rate",
        "Priority": 0,
        "Action": {"Block": {}},
        "Statement": {"RateBasedStatement": statement},
        "VisibilityConfig": {**_VISIBILITY, "MetricName": "Rate"},
    }


def _acl(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "Name": "demo",
        "Scope": "REGIONAL",
        "DefaultAction": {"Allow": {}},
        "Rules": list(rules),
        "VisibilityConfig": {**_VISIBILITY, "MetricName": "demo"},
        **changes,
    }


def _protect(campaign: Campaign, properties: dict[str, Any]) -> Resource:
    acl = campaign.aws.create("AWS::WAFv2::WebACL", properties)
    stage = f"arn:aws:apigateway:{REGION}::/restapis/{campaign.api.physical_id}/stages/live"
    association = {"ResourceArn": stage, "WebACLArn": acl.attributes["Arn"]}
    campaign.aws.create("AWS::WAFv2::WebACLAssociation", association)
    return acl


def test_above_the_limit_an_address_is_blocked_before_its_key_is_looked_at(campaign: Campaign) -> None:
    _protect(campaign, _acl(_rate(10)))
    statuses = [campaign.call("POST", "/v1/images", BODY, key="wrong").status for _ in range(5)]
    statuses += [campaign.call("POST", "/v1/images", BODY).status for _ in range(7)]
    assert statuses == [403] * 5 + [200] * 5 + [403] * 2
    last = campaign.call("GET", "/nowhere")
    assert (last.status, last.headers["x-amzn-ErrorType"]) == (403, "ForbiddenException")


def test_when_the_window_has_passed_the_address_may_ask_again(campaign: Campaign) -> None:
    _protect(campaign, _acl(_rate(10)))
    assert [campaign.call("POST", "/v1/images", BODY).status for _ in range(11)][-1] == 403
    clock = campaign.aws.context.clock
    clock.speed = 1000  # 310 sandbox seconds pass in less than a third of one
    clock.wait_until(clock.now() + 320, campaign.aws.context.stopping)
    assert campaign.call("POST", "/v1/images", BODY).status == 200


def test_a_changed_limit_holds_from_then_on_and_none_once_the_web_acl_is_gone(campaign: Campaign) -> None:
    properties = _acl(_rate(10))
    acl = _protect(campaign, properties)
    assert [campaign.call("POST", "/v1/images", BODY).status for _ in range(11)][-1] == 403
    wider = _acl(_rate(1000))
    updated = campaign.aws.update("AWS::WAFv2::WebACL", acl, properties, wider)
    assert campaign.call("POST", "/v1/images", BODY).status == 200
    narrow = _acl(_rate(10))
    campaign.aws.update("AWS::WAFv2::WebACL", updated, wider, narrow)
    assert campaign.call("POST", "/v1/images", BODY).status == 403
    campaign.aws.delete("AWS::WAFv2::WebACL", updated, narrow)
    assert campaign.call("POST", "/v1/images", BODY).status == 200


def test_the_log_says_who_was_blocked_by_which_rule_and_holds_no_body_and_no_key(campaign: Campaign) -> None:
    acl = _protect(campaign, _acl(_rate(10)))
    name = "aws-waf-logs-darkroom-demo"
    campaign.aws.client("logs").create_log_group(logGroupName=name)
    kept = {"Behavior": "KEEP", "Requirement": "MEETS_ANY"}
    campaign.aws.create(
        "AWS::WAFv2::LoggingConfiguration",
        {
            "ResourceArn": acl.attributes["Arn"],
            "LogDestinationConfigs": [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"],
            "LoggingFilter": {
                "DefaultBehavior": "DROP",
                "Filters": [{**kept, "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}]}],
            },
            "RedactedFields": [{"SingleHeader": {"Name": "x-api-key"}}],
        },
    )
    for _ in range(12):
        campaign.call("POST", "/v1/images", BODY)
    lines = campaign.aws.log(name)
    assert len(lines) == 2
    line = json.loads(lines[0])
    assert (line["action"], line["terminatingRuleId"]) == ("BLOCK", "Rate")
    assert line["httpRequest"]["clientIp"] == "127.0.0.1"
    assert BODY["prompt"] not in lines[0]
    assert campaign.key not in lines[0]
    assert {"name": "x-api-key", "value": "REDACTED"} in line["httpRequest"]["headers"]


def test_managed_rules_are_kept_and_not_played(campaign: Campaign) -> None:
    group = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}}
    rule = {**_rate(10), "Name": "Common", "Priority": 1, "Statement": group, "OverrideAction": {"None": {}}}
    del rule["Action"]
    acl = _protect(campaign, _acl(rule))
    name, identifier, scope = acl.physical_id.split("|")
    kept = campaign.aws.client("wafv2").get_web_acl(Name=name, Id=identifier, Scope=scope)["WebACL"]["Rules"]
    assert [one["Name"] for one in kept] == ["Common"]
    assert campaign.call("POST", "/v1/images", BODY).status == 200


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Statement": {"GeoMatchStatement": {"CountryCodes": ["AQ"]}}}, "GeoMatchStatement"),
        ({"Action": {"Count": {}}}, "Block"),
        (
            {"Statement": {"RateBasedStatement": {"Limit": 5, "AggregateKeyType": "IP"}}},
            "a limit is 10 to 2000000000",
        ),
        (
            {"Statement": {"RateBasedStatement": {"Limit": 50, "AggregateKeyType": "CONSTANT"}}},
            "by address alone",
        ),
        (
            {"Statement": {"ManagedRuleGroupStatement": {"VendorName": "Somebody", "Name": "Rules"}}},
            "Marketplace",
        ),
    ],
)
def test_a_rule_that_nobody_plays_fails_the_resource_and_leaves_nothing(
    aws: Aws, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        aws.create("AWS::WAFv2::WebACL", _acl({**_rate(10), **change}))
    assert aws.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"] == []


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=60).map(sorted), st.sampled_from([60.0, 300.0]))
def test_a_window_counts_what_is_in_it_and_nothing_older_than_a_slot_more(
    moments: list[float], window: float
) -> None:
    rates = Rates()
    counted = [rates.count(("rule", "address"), window, moment) for moment in moments]
    for index, moment in enumerate(moments):
        before = moments[: index + 1]
        assert counted[index] >= sum(one > moment - window for one in before) - sum(
            moment - window < one < moment - window + 10 for one in before
        )
        assert counted[index] <= sum(one > moment - window - 10 for one in before)
