"""A budget of a stack: kept with alerts and tags, changed in place or replaced as AWS does, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.darkroom.sandbox.cloudformation.conftest import StackUnderTest

ACCOUNT = "123456789012"


def template(name: str, amount: float, threshold: float) -> dict[str, Any]:
    notification = {
        "NotificationType": "ACTUAL",
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": threshold,
    }
    address = f"arn:aws:sns:us-east-1:{ACCOUNT}:operations"
    speaking = {
        "Effect": "Allow",
        "Principal": {"Service": "budgets.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": address,
    }
    return {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "operations"}},
        "Policy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": {"Statement": [speaking]}},
        },
        "Budget": {
            "Type": "AWS::Budgets::Budget",
            "DependsOn": "Policy",
            "Properties": {
                "Budget": {
                    "BudgetName": name,
                    "BudgetType": "COST",
                    "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": amount, "Unit": "USD"},
                    "CostFilters": {"TagKeyValue": ["user:darkroom:campaign$demo"]},
                },
                "NotificationsWithSubscribers": [
                    {
                        "Notification": notification,
                        "Subscribers": [{"SubscriptionType": "SNS", "Address": address}],
                    }
                ],
                "ResourceTags": [{"Key": "darkroom:campaign", "Value": "demo"}],
            },
        },
    }


def names(budgets: Any) -> list[str]:
    return [one["BudgetName"] for one in budgets.describe_budgets(AccountId=ACCOUNT).get("Budgets", [])]


def test_a_budget_is_kept_changed_replaced_and_deleted(
    stack: StackUnderTest, client: Callable[[str], Any]
) -> None:
    budgets = client("budgets")
    assert stack.deploy(template("first", 100, 80)) == "CREATE_COMPLETE"
    found = budgets.describe_budget(AccountId=ACCOUNT, BudgetName="first")["Budget"]
    assert found["BudgetLimit"] == {"Amount": "100", "Unit": "USD"}
    (alert,) = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName="first")[
        "Notifications"
    ]
    (told,) = budgets.describe_subscribers_for_notification(
        AccountId=ACCOUNT, BudgetName="first", Notification=alert
    )["Subscribers"]
    assert told["SubscriptionType"] == "SNS"
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/first"
    tags = [{"Key": "darkroom:campaign", "Value": "demo"}]
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == tags

    assert stack.deploy(template("first", 250, 80)) == "UPDATE_COMPLETE"
    found = budgets.describe_budget(AccountId=ACCOUNT, BudgetName="first")["Budget"]
    assert found["BudgetLimit"]["Amount"] == "250"
    assert stack.physical_id("Budget") == "first"

    # Alerts are create-only: the same name can't be had twice, another can.
    assert stack.deploy(template("first", 250, 90)) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.deploy(template("second", 250, 90)) == "UPDATE_COMPLETE"
    assert names(budgets) == ["second"]
    assert stack.delete() == "DELETE_COMPLETE"
    assert names(budgets) == []
