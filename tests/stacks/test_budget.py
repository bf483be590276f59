"""The budget: what it counts, whom it tells, and that they let it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stacks.synthesized import Synth, Synthesized

BUDGET = {"monthly": 250.5, "alerts": [80, 50, 100]}


@pytest.fixture
def campaign(synth: Synth) -> Synthesized:
    return synth("demo", budget=BUDGET)


def test_it_counts_what_carries_the_campaigns_tag_by_the_month(campaign: Synthesized) -> None:
    budget = campaign.only("monitoring", "AWS::Budgets::Budget")["Budget"]
    assert budget["BudgetLimit"] == {"Amount": 250.5, "Unit": "USD"}
    assert (budget["BudgetType"], budget["TimeUnit"]) == ("COST", "MONTHLY")
    assert budget["CostFilters"] == {"TagKeyValue": ["user:darkroom:campaign$demo"]}
    assert budget["BudgetName"].startswith("demo-us-east-1-")


def test_the_operations_topic_hears_of_each_alert_and_of_a_forecast_above_it(campaign: Synthesized) -> None:
    alerts = campaign.only("monitoring", "AWS::Budgets::Budget")["NotificationsWithSubscribers"]
    (topic,) = campaign.resources("monitoring", "AWS::SNS::Topic")
    told = [(one["Notification"]["NotificationType"], one["Notification"]["Threshold"]) for one in alerts]
    assert told == [("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    for one in alerts:
        assert one["Subscribers"] == [{"SubscriptionType": "SNS", "Address": {"Ref": topic}}]


def test_topic_and_key_let_the_accounts_budgets_in_and_nobody_elses(campaign: Synthesized) -> None:
    policy = campaign.only("monitoring", "AWS::SNS::TopicPolicy")["PolicyDocument"]
    key = campaign.only("data", "AWS::KMS::Key")["KeyPolicy"]
    for document, actions in ((policy, "sns:Publish"), (key, ["kms:Decrypt", "kms:GenerateDataKey"])):
        (statement,) = [each for each in document["Statement"] if _is_for_budgets(each)]
        assert statement["Action"] == actions
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


def test_a_budget_is_made_after_the_topics_policy(campaign: Synthesized) -> None:
    (budget,) = campaign.resources("monitoring", "AWS::Budgets::Budget").values()
    (policy,) = campaign.resources("monitoring", "AWS::SNS::TopicPolicy")
    assert policy in budget["DependsOn"]


def test_other_alerts_are_another_budget_and_another_amount_is_the_same(synth: Synth) -> None:
    """AWS changes no alerts in place, and has no two budgets of a name."""
    names = {
        alerts: synth("demo", budget={"monthly": monthly, "alerts": list(alerts)}).only(
            "monitoring", "AWS::Budgets::Budget"
        )["Budget"]["BudgetName"]
        for monthly, alerts in ((250.5, (80, 50, 100)), (9, (90,)))
    }
    assert len(set(names.values())) == 2
    other = synth("demo", budget={**BUDGET, "monthly": 300}).only("monitoring", "AWS::Budgets::Budget")
    assert other["Budget"]["BudgetName"] == names[80, 50, 100]


def test_without_a_budget_there_is_none_and_nobody_is_let_in(synth: Synth) -> None:
    campaign = synth("demo")
    assert not campaign.resources("monitoring", "AWS::Budgets::Budget")
    policy = campaign.only("monitoring", "AWS::SNS::TopicPolicy")["PolicyDocument"]
    assert not [each for each in policy["Statement"] if _is_for_budgets(each)]


def _is_for_budgets(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    return isinstance(principal, dict) and principal.get("Service") == "budgets.amazonaws.com"
