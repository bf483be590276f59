"""The estimate: what is counted, how it is carried to the month's end, and what AWS's bill is asked."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from darkroom.operations.costs.bill import month_to_date
from darkroom.operations.costs.estimate import Span, by_month, by_use, month_of, projected, total_of
from darkroom.operations.costs.fixed import fixed_units
from darkroom.operations.costs.prices import Price, PriceError, read_service_prices
from darkroom.operations.costs.usage import HOUR, quantities

NOON = datetime(2026, 11, 11, 12, tzinfo=UTC).timestamp()
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC).timestamp(), datetime(2026, 12, 1, tzinfo=UTC).timestamp()


def test_the_month_is_the_calendars_from_when_the_campaign_began() -> None:
    assert (month_of(NOON).start, month_of(NOON).end) == NOVEMBER
    assert month_of(NOON, NOON - 3600).start == NOON - 3600
    assert month_of(NOON, NOVEMBER[0] - 99).start == NOVEMBER[0]


@given(rate=st.floats(0, 1e6), began=st.integers(1, 700), now=st.integers(1, 719))
def test_a_steady_rate_is_carried_on_to_the_months_end(rate: float, began: int, now: int) -> None:
    begin, moment = sorted((began % now, now))
    span = Span(begin * HOUR, moment * HOUR, 720 * HOUR)
    hours = {float(hour * HOUR): rate for hour in range(begin, moment)}
    assert projected(hours, span, goes_on=True) == pytest.approx(rate * (720 - begin))


def test_a_paused_campaign_goes_on_with_nothing() -> None:
    hours = {NOON - HOUR: 5.0}
    line = by_use("x", hours, Price(value=2, source="s"), month_of(NOON), goes_on=False)
    assert (line.so_far, line.forecast) == (10.0, 10.0)


def test_the_forecast_follows_the_last_week_not_the_month() -> None:
    span = month_of(NOON)
    busy_start = {span.start + hour * HOUR: 10.0 for hour in range(48)}
    assert projected(busy_start, span, goes_on=True) == 480.0


def test_what_was_not_measured_is_not_called_nothing() -> None:
    line = by_use("x", {}, Price(value=2, source="s"), month_of(NOON), goes_on=True)
    assert line.quantity is None
    assert line.forecast == 0


def test_a_monthly_price_is_paid_by_the_time_that_it_stood() -> None:
    span = Span(0.0, 365 * HOUR, 730 * HOUR)
    line = by_month("key_month", 2, Price(value=1, source="s"), span)
    assert (line.so_far, line.forecast) == (1.0, 2.0)
    hourly = by_month("interface_endpoint_hour", 3, Price(value=0.01, source="s"), span)
    assert hourly.forecast == pytest.approx(21.9)


def test_the_price_of_a_picture_has_everything_in_it() -> None:
    lines = [by_month("key_month", 1, Price(value=8, source="s"), Span(0.0, 730 * HOUR, 730 * HOUR))]
    assert total_of(lines, 4).per_picture == 2.0
    assert total_of(lines, 0).per_picture is None


def resource(type_name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": type_name, "Properties": properties}


def test_what_is_billed_by_the_month_is_counted_in_the_templates() -> None:
    stat = {"MetricStat": {"Period": 10}}
    resources = [
        resource("AWS::CloudWatch::Alarm", Period=60),
        resource("AWS::CloudWatch::Alarm", Metrics=[stat, stat, {"Expression": "a + b"}]),
        resource("AWS::CloudWatch::Dashboard"),
        resource("AWS::KMS::Key"),
        resource("AWS::WAFv2::WebACL", Rules=[{}, {}, {}]),
        resource("AWS::EC2::VPCEndpoint", VpcEndpointType="Interface", SubnetIds=["a", "b"]),
        resource("AWS::EC2::VPCEndpoint", VpcEndpointType="Gateway"),
        resource(
            "AWS::ApplicationAutoScaling::ScalingPolicy",
            TargetTrackingScalingPolicyConfiguration={
                "CustomizedMetricSpecification": {"Metrics": [stat, stat]}
            },
        ),
        resource("AWS::SQS::Queue"),
    ]
    units = fixed_units([{"Resources": {str(n): one for n, one in enumerate(resources)}}])
    assert units == {
        "alarm_metric_month": 1 + 4,
        "high_resolution_alarm_metric_month": 2,
        "dashboard_month": 1,
        "key_month": 1,
        "web_acl_month": 1,
        "web_acl_rule_month": 3,
        "interface_endpoint_hour": 2,
    }
    prices = read_service_prices()
    assert all(prices.of(unit).value > 0 and prices.of(unit).source for unit in units)


def test_where_pictures_are_looked_at_each_is_billed_and_the_refused_ones_too() -> None:
    def looked_at(*, moderated: bool) -> set[str]:
        found = quantities("autumn", functions={}, table="jobs", looks_at_pictures=moderated)
        return {one.metric for one in found if one.unit == "moderated_picture"}

    assert looked_at(moderated=True) == {"PicturesCompleted", "PicturesRefused"}
    assert looked_at(moderated=False) == set()


def test_every_shipped_price_says_where_it_was_published_and_when() -> None:
    dollars = read_service_prices().dollars
    unseen = [unit for unit, price in dollars.items() if not re.search(r"\b20\d\d-\d\d-\d\d$", price.seen)]
    assert dollars
    assert not unseen


def test_a_price_that_is_missing_is_named() -> None:
    with pytest.raises(PriceError, match="have no moon_rock"):
        read_service_prices().of("moon_rock")


class CostExplorer:
    """Cost Explorer's answers, a page at a time; remembers what it was asked."""

    def __init__(self, *pages: dict[str, Any] | ClientError) -> None:
        self._pages = list(pages)
        self.asked: list[dict[str, Any]] = []

    def get_cost_and_usage(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append(parameters)
        page = self._pages.pop(0)
        if isinstance(page, ClientError):
            raise page
        return page


def page(service: str, dollars: str, **more: str) -> dict[str, Any]:
    group = {"Keys": [service], "Metrics": {"UnblendedCost": {"Amount": dollars, "Unit": "USD"}}}
    return {"ResultsByTime": [{"Groups": [group]}], **more}


def test_the_bill_is_asked_by_the_tag_for_the_month_so_far_and_read_to_its_end() -> None:
    explorer = CostExplorer(page("Amazon SageMaker", "12.5", NextPageToken="2"), page("AWS Lambda", "0.25"))
    bill = month_to_date(explorer, "demo", NOON)
    assert bill.services == {"Amazon SageMaker": 12.5, "AWS Lambda": 0.25}
    assert bill.total == 12.75
    assert bill.unknown is None
    first, second = explorer.asked
    assert first["TimePeriod"] == {"Start": "2026-11-01", "End": "2026-11-12"}
    assert first["Filter"]["Tags"] == {
        "Key": "darkroom:campaign",
        "Values": ["demo"],
        "MatchOptions": ["EQUALS"],
    }
    assert second["NextPageToken"] == "2"


def test_on_the_first_of_a_month_the_period_is_a_day() -> None:
    explorer = CostExplorer({"ResultsByTime": []})
    month_to_date(explorer, "demo", NOVEMBER[0] + 1)
    assert explorer.asked[0]["TimePeriod"] == {"Start": "2026-11-01", "End": "2026-11-02"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"ResultsByTime": [{"Groups": []}]}, "cost-allocation tag"),
        (
            ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetCostAndUsage"),
            "AccessDenied",
        ),
    ],
)
def test_without_a_bill_none_is_invented_and_the_reason_is_told(answer: Any, why: str) -> None:
    bill = month_to_date(CostExplorer(answer), "demo", NOON)
    assert bill.services == {}
    assert why in str(bill.unknown)
