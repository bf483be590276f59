"""A construct: AWS WAF before the API's stage, a rate rule and AWS's managed rules.

https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from darkroom.campaign.access import Api

WINDOW_SECONDS = 300
LEAST_REQUESTS = 2000

# A body is a prompt in a JSON document of a fixed schema, held to that schema at the edge and again in the
# function: it names no file, no URL is fetched, and no page shows it. "A poster of <script>", "../../" on a
# street sign and 1000 characters of Chinese in JSON escapes (up to 24 KB) are prompts like any other, so the
# rules about bodies count and don't block; which one would have shows in their metrics. Rules about paths,
# queries, headers and cookies block: our API uses hardly any of those.
COUNTED = (
    "SizeRestrictions_BODY",
    "CrossSiteScripting_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "EC2MetaDataSSRF_BODY",
    # Callers are programs, and known by their keys: many send no User-Agent.
    "NoUserAgent_HEADER",
)
MANAGED_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AWSManagedRulesAmazonIpReputationList", ()),
    # Exploits of Log4j, Java and React in bodies stay blocked: no picture shows one.
    ("AWSManagedRulesKnownBadInputsRuleSet", ()),
    ("AWSManagedRulesCommonRuleSet", COUNTED),
)
SECRET_HEADERS = ("authorization", "x-api-key")


def requests_per_address(api: Api) -> int:
    """Requests in five minutes from which on WAF blocks an address.

    By default what the stage lets through in that time, rate x 300 + burst: who sends more is answered 429
    for the rest anyway, and one caller behind one address may use all of the campaign's rate. Not under 2000,
    for a whole office asks and polls from one address.
    """
    if api.firewall.requests_per_address is not None:
        return api.firewall.requests_per_address
    return max(LEAST_REQUESTS, math.ceil(api.requests_per_second * WINDOW_SECONDS) + api.burst)


def firewall_log_group(campaign: str) -> str:
    """Where WAF tells whom it blocked; the campaign's key lets CloudWatch Logs encrypt it."""
    return f"aws-waf-logs-darkroom-{campaign}"


class Firewall(Construct):
    """A web ACL on a stage. It keeps no sample of a request, and logs whom it blocked, never a body."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: ResolvedCampaign,
        stage: apigateway.CfnStage,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self._campaign = campaign
        self._key = key
        self.acl = self._build_acl()
        stack = cdk.Stack.of(self)
        stage_arn = (
            f"arn:{stack.partition}:apigateway:{stack.region}::"
            f"/restapis/{stage.rest_api_id}/stages/{stage.ref}"
        )
        wafv2.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=self.acl.attr_arn)
        self.log_group = self._build_log()

    def _build_acl(self) -> wafv2.CfnWebACL:
        name = self._campaign.name
        return wafv2.CfnWebACL(
            self,
            "WebAcl",
            name=name,
            description=f"Requests of the campaign {name}",
            scope="REGIONAL",
            default_action={"allow": {}},
            rules=[self._rate_rule(0), *self._managed_rules(1)],
            visibility_config=self._visibility(name),
        )

    def _rate_rule(self, priority: int) -> wafv2.CfnWebACL.RuleProperty:
        statement = wafv2.CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="IP",
            evaluation_window_sec=WINDOW_SECONDS,
            limit=requests_per_address(self._campaign.file.api),
        )
        return wafv2.CfnWebACL.RuleProperty(
            name="RequestsPerAddress",
            priority=priority,
            action={"block": {}},
            statement={"rateBasedStatement": statement},
            visibility_config=self._visibility("RequestsPerAddress"),
        )

    def _managed_rules(self, first: int) -> list[wafv2.CfnWebACL.RuleProperty]:
        return [
            wafv2.CfnWebACL.RuleProperty(
                name=name,
                priority=priority,
                override_action={"none": {}},
                statement={"managedRuleGroupStatement": _managed(name, counted)},
                visibility_config=self._visibility(name),
            )
            for priority, (name, counted) in enumerate(MANAGED_RULES, start=first)
        ]

    @staticmethod
    def _visibility(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
        # A sample is the request itself, and a prompt is kept nowhere but in its job.
        return wafv2.CfnWebACL.VisibilityConfigProperty(
            cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
        )

    def _build_log(self) -> logs.LogGroup:
        """Who was blocked and by which rule. WAF logs no bodies; what is a secret in a header is redacted."""
        log_group = logs.LogGroup(
            self,
            "Log",
            # WAF takes only groups whose names begin so (WAF developer guide, "Logging destinations").
            log_group_name=firewall_log_group(self._campaign.name),
            encryption_key=self._key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        stack = cdk.Stack.of(self)
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self.acl.attr_arn,
            # WAF takes the ARN without the :* that CloudFormation's attribute ends in.
            log_destination_configs=[
                f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{log_group.log_group_name}"
            ],
            logging_filter=_BLOCKED_ONLY,
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header})
                for header in SECRET_HEADERS
            ],
        )
        return log_group


_BLOCKED_ONLY: dict[str, Any] = {
    "DefaultBehavior": "DROP",
    "Filters": [
        {
            "Behavior": "KEEP",
            "Requirement": "MEETS_ANY",
            "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
        }
    ],
}


def _managed(name: str, counted: Sequence[str]) -> wafv2.CfnWebACL.ManagedRuleGroupStatementProperty:
    overrides = [
        wafv2.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use={"count": {}}) for rule in counted
    ]
    return wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
        name=name, vendor_name="AWS", rule_action_overrides=overrides or None
    )
