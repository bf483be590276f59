"""The top of the dashboard: is it healthy, how long do people wait, what waits, what does it cost.

To be read in ten seconds: a light an alarm, five figures, and words that say what to do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from darkroom.campaign import ResolvedCampaign
from stacks.dashboard_widgets import Row, Widget, alarm_status, single_values, text
from stacks.utilization import ENDPOINT_NAMESPACE, HOST_NAMESPACE, NAMESPACE, campaign_dimensions

# The planner's price file, as data: stacks import nothing of the planner.
_PRICES = Path(__file__).resolve().parents[1] / "darkroom" / "planner" / "prices.json"


def summary(
    campaign: ResolvedCampaign, *, variant: str, drawings: str | None, alarms: Sequence[str]
) -> list[tuple[Widget, int]]:
    """The widgets of the top row and their widths, which fill it. ``alarms`` are ARNs."""
    own = [part for dimension in campaign_dimensions(campaign.name) for part in dimension]
    return [
        (alarm_status("Healthy?", alarms), 6),
        (single_values("People wait (seconds)", _waits(own), minutes=5), 5),
        (single_values("Waiting now", _backlog(campaign, drawings), minutes=1), 4),
        (single_values("Instances", _instances(campaign, variant), minutes=1), 4),
        (single_values("This hour", _hour(own), minutes=60), 5),
    ]


def what_to_do(campaign: ResolvedCampaign) -> Widget:
    """One line to read when something is red."""
    name = campaign.name
    return text(
        f"**Red?** `darkroom status {name}` says what is wrong and names the entry of "
        f"`docs/operations.md` for it: what the alarm means, what to look at, what to do. "
        f'**One request?** Search X-Ray for `annotation.job_id = "ID"`, or the logs of `/darkroom/{name}/` '
        f"for the id. **Too much?** `darkroom pause {name}` stops new drawings and keeps the queue."
    )


def dollars_an_hour(instance_type: str) -> float | None:
    """What an instance costs, where the shipped price file has it."""
    price = json.loads(_PRICES.read_text())["dollars_an_hour"].get(instance_type)
    return None if price is None else float(price)


def _waits(own: Sequence[str]) -> list[Row]:
    return [
        [NAMESPACE, "RequestLatency", *own, {"stat": stat, "label": label}]
        for stat, label in (("p50", "half of them, at most"), ("p95", "95 of 100, at most"))
    ]


def _backlog(campaign: ResolvedCampaign, drawings: str | None) -> list[Row]:
    if drawings is None:
        size, age = "ApproximateBacklogSize", "ApproximateAgeOfOldestRequest"
        where = [ENDPOINT_NAMESPACE, "EndpointName", campaign.name]
    else:
        size, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
        where = ["AWS/SQS", "QueueName", drawings]
    named = ((size, "requests"), (age, "oldest (s)"))
    return [[where[0], name, *where[1:], {"stat": "Maximum", "label": label}] for name, label in named]


def _instances(campaign: ResolvedCampaign, variant: str) -> list[Row]:
    of_variant = ("EndpointName", campaign.name, "VariantName", variant)
    count = {"stat": "SampleCount", "label": "in service", "id": "n", "visible": False}
    rows: list[Row] = [
        [HOST_NAMESPACE, "CPUUtilization", *of_variant, count],
        # No instance, no sample: zero, and not an old figure.
        [{"expression": "FILL(n, 0)", "label": "in service", "id": "instances"}],
    ]
    price = dollars_an_hour(campaign.file.endpoint.instance_type)
    if price is not None:
        rows.append([{"expression": f"instances * {price:g}", "label": "$ an hour", "id": "dollars"}])
    return rows


def _hour(own: Sequence[str]) -> list[Row]:
    counts: list[Row] = [
        [NAMESPACE, name, *own, {"stat": "Sum", "label": name, "id": id, "visible": False}]
        for name, id in (("CacheHits", "hits"), ("CacheMisses", "misses"), ("JobsFailed", "failures"))
    ]
    return [
        *counts,
        [{"expression": "FILL(hits, 0) + FILL(misses, 0)", "label": "requests", "id": "requests"}],
        [{"expression": "100 * FILL(hits, 0) / requests", "label": "% from the cache", "id": "rate"}],
        [{"expression": "FILL(failures, 0)", "label": "failed", "id": "failed"}],
    ]
