"""What it may cost, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator

from darkroom.operations.costs.fixed import HOURS_A_MONTH
from darkroom.operations.preflight.finding import Finding, ok, problem, warning
from darkroom.operations.preflight.situation import Situation
from darkroom.planner.prices import Prices, read_prices


def budget(situation: Situation) -> Iterator[Finding]:
    """The budget lies between what the campaign costs when nobody asks and what it could cost."""
    file, prices = situation.campaign.file, read_prices()
    if file.endpoint.instance_type not in prices.dollars_an_hour:
        yield warning("budget", f"no price of {file.endpoint.instance_type} is known", "Check it by hand.")
        return
    idle, most = (
        _month(prices, file.endpoint.instance_type, count)
        for count in (file.scaling.min_instances, situation.most_instances)
    )
    span = f"instances cost ${idle:,.0f} a month idle and at most ${most:,.0f} (prices of {prices.as_of})"
    if file.budget is None:
        yield warning("budget", f"there is none; {span}", "Give the campaign a budget section.")
    elif file.budget.monthly < idle:
        yield problem(
            "budget",
            f"${file.budget.monthly:,.0f} a month does not even keep scaling.min_instances; {span}",
            "Raise budget.monthly, or lower scaling.min_instances.",
        )
    elif file.budget.monthly > 2 * most:
        yield warning(
            "budget",
            f"${file.budget.monthly:,.0f} a month is never reached, and never tells anybody; {span}",
            "Lower budget.monthly to what the campaign should cost.",
        )
    else:
        yield ok("budget", f"${file.budget.monthly:,.0f} a month; {span}")


def notifications(situation: Situation) -> Iterator[Finding]:
    """Somebody hears of alarms and of the budget."""
    emails = situation.campaign.file.notifications.email
    if emails:
        yield ok("notifications", f"{', '.join(emails)}; SNS asks each once to confirm")
    else:
        yield warning(
            "notifications",
            "nobody hears of alarms",
            "Give notifications.email, or subscribe something to the monitoring stack's topic.",
        )


def _month(prices: Prices, instance_type: str, count: int) -> float:
    return count * prices.of(instance_type) * HOURS_A_MONTH
