"""AWS's own bill, by the campaign's tag, from Cost Explorer. A question costs a cent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.operations.tags import CAMPAIGN


@dataclass(frozen=True)
class Bill:
    """Month to date, before credits and refunds are netted; AWS brings it up to date once a day or so.

    Attributes:
        services: dollars by service, of what carries the tag.
        unknown: why there is no bill; None where there is one.
    """

    services: Mapping[str, float]
    unknown: str | None = None

    @property
    def total(self) -> float:
        """Dollars."""
        return sum(self.services.values())


def month_to_date(cost_explorer: Any, campaign: str, now: float) -> Bill:
    """The bill of the calendar month (UTC) that ``now``, seconds since the epoch, is in."""
    today = datetime.fromtimestamp(now, UTC).date()
    period = {"Start": today.replace(day=1).isoformat(), "End": (today + timedelta(days=1)).isoformat()}
    services: dict[str, float] = {}
    more: dict[str, str] = {}
    while True:
        try:
            page = cost_explorer.get_cost_and_usage(
                TimePeriod=period,
                Granularity="MONTHLY",
                Metrics=["UnblendedCost"],
                Filter={"Tags": {"Key": CAMPAIGN, "Values": [campaign], "MatchOptions": ["EQUALS"]}},
                GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
                **more,
            )
        except (ClientError, BotoCoreError) as error:
            return Bill({}, f"Cost Explorer does not answer: {error}")
        for result in page.get("ResultsByTime", []):
            for group in result.get("Groups", []):
                amount = float(group["Metrics"]["UnblendedCost"]["Amount"])
                services[group["Keys"][0]] = services.get(group["Keys"][0], 0.0) + amount
        if not page.get("NextPageToken"):
            break
        more = {"NextPageToken": page["NextPageToken"]}
    if services:
        return Bill(services)
    return Bill(
        {},
        f"Cost Explorer has nothing for the tag {CAMPAIGN}: it is not activated as a cost-allocation tag "
        "(Billing console), the campaign is younger than a day, or this is a local AWS, which bills nobody",
    )
