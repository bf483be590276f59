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
from stacks.alarms import AlarmRule, alarm_rules
from stacks.budget import CampaignBudget, allow_budgets
from stacks.dashboard import dashboard_body
from stacks.inference_stack import VARIANT
from stacks.permissions import allow_service, arn


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
        for rule in alarm_rules(
            campaign, variant=VARIANT, dead_letters=dead_letters.queue_name, drawings=waiting
        ):
            self._build_alarm(rule)
        region = campaign.file.environment.region
        # Dashboards are global: one name an account, whatever the region (CloudWatch user guide, "Using
        # Amazon CloudWatch dashboards"), and a campaign may run in several.
        dashboard = f"{campaign.name}-{region}"
        body = dashboard_body(campaign, variant=VARIANT, drawings=waiting)
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

    def _build_alarm(self, rule: AlarmRule) -> None:
        cloudwatch.CfnAlarm(
            self,
            "".join(part.capitalize() for part in rule.name.split("-")),
            alarm_name=f"{self._campaign.name}-{rule.name}",
            alarm_description=rule.description,
            namespace=rule.namespace,
            metric_name=rule.metric,
            dimensions=[{"name": name, "value": value} for name, value in rule.dimensions],
            statistic=rule.statistic,
            period=60,
            evaluation_periods=rule.minutes,
            threshold=rule.threshold,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[self._operations.topic_arn],
            ok_actions=[self._operations.topic_arn],
        )
