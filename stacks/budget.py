"""A construct: the campaign's budget, which tells the operations topic before and when it is spent."""

from __future__ import annotations

import hashlib
import json

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from darkroom.campaign import ResolvedCampaign
from darkroom.campaign.model import Budget

TAG = "darkroom:campaign"


class CampaignBudget(Construct):
    """US dollars a calendar month, of everything that carries the campaign's tag.

    It sees costs only once the tag is activated as a cost-allocation tag (Billing console), and from then
    on. It hears of costs up to three times a day (AWS Cost Management user guide, "Best practices for AWS
    Budgets"): it is no brake. `darkroom pause` is.
    """

    def __init__(
        self, scope: Construct, id: str, *, campaign: ResolvedCampaign, budget: Budget, topic: sns.Topic
    ) -> None:
        super().__init__(scope, id)
        alerts = [
            *(("ACTUAL", percentage) for percentage in sorted(set(budget.alerts))),
            ("FORECASTED", 100.0),
        ]
        region = campaign.file.environment.region
        # Alerts can't be changed in place, and a budget of the same name can't stand beside the old one.
        digest = hashlib.sha256(json.dumps(alerts).encode()).hexdigest()[:8]
        made = budgets.CfnBudget(
            self,
            "Budget",
            budget={
                "budgetName": f"{campaign.name}-{region}-{digest}",
                "budgetType": "COST",
                "timeUnit": "MONTHLY",
                "budgetLimit": {"amount": budget.monthly, "unit": "USD"},
                "costFilters": {"TagKeyValue": [f"user:{TAG}${campaign.name}"]},
            },
            notifications_with_subscribers=[
                {
                    "notification": {
                        "notificationType": kind,
                        "comparisonOperator": "GREATER_THAN",
                        "threshold": percentage,
                        "thresholdType": "PERCENTAGE",
                    },
                    "subscribers": [{"subscriptionType": "SNS", "address": topic.topic_arn}],
                }
                for kind, percentage in alerts
            ],
            # Its tags are called otherwise than everybody's, and an aspect does not find them.
            resource_tags=[
                {"key": key, "value": value}
                for key, value in {TAG: campaign.name, **campaign.file.tags}.items()
            ],
        )
        # AWS Budgets tries the topic when the budget is made.
        made.node.add_dependency(topic)


def allow_budgets(stack: cdk.Stack, actions: list[str], resource: str) -> iam.PolicyStatement:
    """A statement of a topic's or a key's policy: the account's budgets may tell of themselves.

    Source: AWS Cost Management user guide, "Creating an Amazon SNS topic for budget notifications".
    """
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
        actions=actions,
        resources=[resource],
        conditions={
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:budgets::{stack.account}:*"},
        },
    )
