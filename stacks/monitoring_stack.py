"""The dashboard, the alarms, and the topic that tells people."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from darkroom.campaign.model import Budget
from stacks.alarms import GROUPS, AlarmGroup, AlarmRule, alarm_rules, members, paused_rule, runbook
from stacks.budget import CampaignBudget, allow_budgets
from stacks.dashboard import dashboard_body
from stacks.inference_stack import VARIANT
from stacks.permissions import allow_service, arn

# The functions tell once a minute that the campaign is paused, and the alarm is looked at once a minute: so
# long may somebody be told of what a pause has caused. The alarms themselves take longer.
WAIT_SECONDS = 60
# After a pause: an instance's start, and the first pictures.
EXTENSION_SECONDS = 900


class MonitoringStack(cdk.Stack):
    """What a person looks at, and what makes one look."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: ResolvedCampaign,
        key: kms.IKey,
        dead_letters: sqs.IQueue,
        drawings: sqs.IQueue | None,
        env: cdk.Environment,
        description: str,
    ) -> None:
        super().__init__(scope, id, env=env, description=description)
        self._campaign = campaign
        self._operations = self._build_operations_topic(key)
        if campaign.file.budget is not None:
            self._build_budget(campaign.file.budget)
        waiting = drawings.queue_name if drawings else None
        rules = alarm_rules(campaign, variant=VARIANT, dead_letters=dead_letters.queue_name, drawings=waiting)
        built = {rule.name: self._build_alarm(rule) for rule in rules}
        self._paused = self._build_alarm(paused_rule(campaign.name), tells=False)
        for group in GROUPS:
            self._build_group(group, [built[rule.name] for rule in members(rules, group)])
        region = campaign.file.environment.region
        # Dashboards are global: one name an account, whatever the region (CloudWatch user guide, "Using
        # Amazon CloudWatch dashboards"), and a campaign may run in several.
        dashboard = f"{campaign.name}-{region}"
        lights = [arn(self, "cloudwatch", f"alarm:{campaign.name}-{rule.name}") for rule in rules]
        body = dashboard_body(campaign, variant=VARIANT, drawings=waiting, alarms=lights)
        cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            dashboard_name=dashboard,
            dashboard_body=self.to_json_string(body) if drawings else json.dumps(body),
        )
        cdk.CfnOutput(
            self,
            "DashboardUrl",
            value=f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            f"#dashboards/dashboard/{dashboard}",
        )

    def _build_operations_topic(self, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(self, "Operations", master_key=key, enforce_ssl=True)
        # The policy that refuses requests without TLS takes the place of the topic's first one, by which the
        # account's alarms may publish (re:Post, "Why didn't I receive an SNS notification for my CloudWatch
        # alarm trigger?").
        alarms = arn(self, "cloudwatch", f"alarm:{self._campaign.name}-*")
        topic.add_to_resource_policy(
            allow_service("cloudwatch.amazonaws.com", ["sns:Publish"], topic.topic_arn, source_arns=[alarms])
        )
        for index, address in enumerate(self._campaign.file.notifications.email):
            sns.CfnSubscription(
                self, f"Email{index}", topic_arn=topic.topic_arn, protocol="email", endpoint=address
            )
        return topic

    def _build_budget(self, budget: Budget) -> None:
        topic = self._operations
        topic.add_to_resource_policy(allow_budgets(self, ["sns:Publish"], topic.topic_arn))
        CampaignBudget(self, "Spending", campaign=self._campaign, budget=budget, topic=topic)

    def _build_alarm(self, rule: AlarmRule, *, tells: bool = True) -> cloudwatch.CfnAlarm:
        actions = [self._operations.topic_arn] if tells and rule.group is None else None
        return cloudwatch.CfnAlarm(
            self,
            _logical(rule.name),
            alarm_name=f"{self._campaign.name}-{rule.name}",
            alarm_description=runbook(rule.description, rule.name),
            namespace=rule.namespace,
            metric_name=rule.metric,
            dimensions=[{"name": name, "value": value} for name, value in rule.dimensions],
            statistic=rule.statistic,
            period=60,
            evaluation_periods=rule.minutes,
            datapoints_to_alarm=rule.breaching_minutes,
            threshold=rule.threshold,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=actions,
            ok_actions=actions,
        )

    def _build_group(self, group: AlarmGroup, alarms: list[cloudwatch.CfnAlarm]) -> None:
        cloudwatch.CfnCompositeAlarm(
            self,
            _logical(group.name),
            alarm_name=f"{self._campaign.name}-{group.name}",
            alarm_description=runbook(group.description, group.name),
            alarm_rule=" OR ".join(f'ALARM("{alarm.ref}")' for alarm in alarms),
            alarm_actions=[self._operations.topic_arn],
            ok_actions=[self._operations.topic_arn],
            actions_suppressor=self._paused.ref,
            actions_suppressor_wait_period=WAIT_SECONDS,
            actions_suppressor_extension_period=EXTENSION_SECONDS,
        )


def _logical(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
