"""AWS Budgets and Cost Explorer: budgets are kept and shown; there is no bill here.

moto has no UpdateBudget, forgets a budget's tags and does not tell its subscribers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from moto.budgets.exceptions import NotFoundException
from moto.budgets.models import Budget
from moto.budgets.responses import BudgetsResponse
from moto.core.exceptions import JsonRESTError

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler
from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import AccessDeniedError, require_of_service
from darkroom.sandbox.iam.sns_needs import topic_needs


def install(context: Context) -> None:  # noqa: ARG001 - as every room's
    """Add to moto's Budgets what campaigns use."""
    for method in (
        create_budget,
        update_budget,
        list_tags_for_resource,
        describe_subscribers_for_notification,
    ):
        setattr(BudgetsResponse, method.__name__, method)


_create_budget = BudgetsResponse.create_budget
_TAGS = "ResourceTags"
_PRINCIPAL = "budgets.amazonaws.com"


def create_budget(self: Any) -> str:
    """CreateBudget, which tries the topics that are to hear of it, and keeps the tags beside the budget.

    Cost Management user guide, "Creating an Amazon SNS topic for budget notifications".
    """
    name, account = self._get_param("Budget")["BudgetName"], self._get_param("AccountId")
    for topic in _topics(self._get_param("NotificationsWithSubscribers", [])):
        try:
            budget = f"arn:aws:budgets::{account}:budget/{name}"
            require_of_service(_PRINCIPAL, topic_needs(topic), source=budget, account=account)
        except AccessDeniedError as error:
            raise JsonRESTError("InvalidParameterException", f"Invalid SNS topic: {error}") from error
    answer = _create_budget(self)
    made = _budget(self, self._get_param("Budget")["BudgetName"])
    made.resource_tags = self._get_param(_TAGS, [])  # type: ignore[attr-defined]
    return answer


def _topics(notifications: Sequence[Mapping[str, Any]]) -> list[str]:
    told = [subscriber for one in notifications for subscriber in one.get("Subscribers", [])]
    return sorted({one["Address"] for one in told if one["SubscriptionType"] == "SNS"})


def update_budget(self: Any) -> str:
    """UpdateBudget: another limit, filter or period; its notifications stay."""
    given = self._get_param("NewBudget")
    known = _budget(self, given["BudgetName"])
    kept = [{"Notification": one.details, "Subscribers": one.subscribers} for one in known.notifications]
    budgets = self.backend.budgets[self._get_param("AccountId")]
    budgets[given["BudgetName"]] = changed = Budget(given, kept)
    changed.resource_tags = getattr(known, "resource_tags", [])  # type: ignore[attr-defined]
    return json.dumps({})


def describe_subscribers_for_notification(self: Any) -> str:
    """DescribeSubscribersForNotification."""
    wanted = self._get_param("Notification")
    for one in _budget(self, self._get_param("BudgetName")).notifications:
        if all(one.details.get(name) == value for name, value in wanted.items()):
            return json.dumps({"Subscribers": one.subscribers})
    raise NotFoundException("Unable to find the notification")


def list_tags_for_resource(self: Any) -> str:
    """ListTagsForResource: those that the budget was created with."""
    name = str(self._get_param("ResourceARN")).partition("budget/")[2]
    return json.dumps({_TAGS: getattr(_budget(self, name), "resource_tags", [])})


def _budget(response: Any, name: str) -> Budget:
    account = response._get_param("AccountId") or response.current_account
    found: Budget | None = response.backend.budgets[account].get(name)
    if found is None:
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    return found


class BudgetType(ResourceHandler):
    """AWS::Budgets::Budget. ``Ref`` is its name; its notifications are create-only."""

    type_name = "AWS::Budgets::Budget"
    properties = frozenset({"Budget", "NotificationsWithSubscribers", "ResourceTags"})

    def create(self, request: HandlerRequest) -> Resource:
        budget = _typed(request.properties["Budget"])
        budget.setdefault("BudgetName", request.default_name(100))
        request.client("budgets").create_budget(
            AccountId=request.account_id,
            Budget=budget,
            NotificationsWithSubscribers=[
                {**one, "Notification": _threshold(one["Notification"])}
                for one in request.properties.get("NotificationsWithSubscribers", [])
            ],
            ResourceTags=request.properties.get("ResourceTags", []),
        )
        return Resource(budget["BudgetName"])

    def update(self, request: HandlerRequest) -> Resource:
        budget = _typed(request.properties["Budget"]) | {"BudgetName": request.physical_id}
        request.client("budgets").update_budget(AccountId=request.account_id, NewBudget=budget)
        return Resource(request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("budgets").delete_budget(AccountId=request.account_id, BudgetName=request.physical_id)


def _typed(budget: Mapping[str, Any]) -> dict[str, Any]:
    """The API's amounts are texts, a template's are numbers."""
    limit = budget["BudgetLimit"]
    return {**budget, "BudgetLimit": {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]}}


def _threshold(notification: Mapping[str, Any]) -> dict[str, Any]:
    return {**notification, "Threshold": float(notification["Threshold"])}
