"""The dashboard's body, as CloudWatch takes it: plain data, made of the same metrics that scaling uses.

Source: Amazon CloudWatch API, "Dashboard body structure and syntax".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from darkroom.campaign import ResolvedCampaign
from stacks.utilization import (
    ENDPOINT_NAMESPACE,
    HOST_NAMESPACE,
    NAMESPACE,
    campaign_dimensions,
    utilization,
)

WIDTH, HEIGHT, COLUMNS = 12, 6, 2

Row = list[Any]


def dashboard_body(campaign: ResolvedCampaign, *, variant: str) -> dict[str, Any]:
    """Six graphs: request latency and utilization over time first, the two that the campaign is judged by."""
    endpoint = ("EndpointName", campaign.name)
    of_variant = (*endpoint, "VariantName", variant)
    own = [part for dimension in campaign_dimensions(campaign.name) for part in dimension]
    graphs = [
        _graph(
            "Request latency (seconds from request to picture)",
            [
                [NAMESPACE, "RequestLatency", *own, _shown(statistic, statistic)]
                for statistic in ("p50", "p95", "p99")
            ],
        ),
        _graph(
            "Utilization",
            _utilization(campaign, variant),
            annotation=("target", campaign.file.scaling.target_utilization),
        ),
        _graph(
            "Backlog",
            [
                [
                    ENDPOINT_NAMESPACE,
                    "ApproximateBacklogSize",
                    *endpoint,
                    _shown("Maximum", "waiting or drawn"),
                ],
                [
                    ENDPOINT_NAMESPACE,
                    "ApproximateAgeOfOldestRequest",
                    *endpoint,
                    {**_shown("Maximum", "age of the oldest (s)"), "yAxis": "right"},
                ],
            ],
        ),
        _graph(
            "Instances in service",
            [[HOST_NAMESPACE, "CPUUtilization", *of_variant, _shown("SampleCount", "instances")]],
        ),
        _graph(
            "Cache",
            [
                [NAMESPACE, name, *own, _shown("Sum", label)]
                for name, label in (
                    ("CacheHits", "hits"),
                    ("CoalescedRequests", "coalesced"),
                    ("CacheMisses", "misses"),
                )
            ],
        ),
        _graph(
            "Errors",
            [
                [NAMESPACE, "JobsFailed", *own, _shown("Sum", "jobs failed")],
                [NAMESPACE, "JobsResubmitted", *own, _shown("Sum", "jobs resubmitted")],
                [ENDPOINT_NAMESPACE, "InvocationFailures", *of_variant, _shown("Sum", "invocations failed")],
                [ENDPOINT_NAMESPACE, "ExpiredRequests", *of_variant, _shown("Sum", "requests expired")],
                ["AWS/ApiGateway", "5XXError", "ApiName", campaign.name, _shown("Sum", "API 5xx")],
            ],
        ),
    ]
    region = campaign.file.environment.region
    return {"widgets": [_placed(graph, index, region) for index, graph in enumerate(graphs)]}


def _utilization(campaign: ResolvedCampaign, variant: str) -> list[Row]:
    """Demand over capacity, in the form that the campaign scales by."""
    measured = utilization(campaign, variant=variant)
    metrics = [
        [
            each.namespace,
            each.name,
            *(part for dimension in each.dimensions for part in dimension),
            {**_shown(each.statistic, each.label), "id": each.id, "visible": False},
        ]
        for each in measured.metrics
    ]
    expressions = [
        [
            {
                "expression": each.expression,
                "label": each.label,
                "id": each.id,
                "visible": each.id == "utilization",
            }
        ]
        for each in measured.expressions
    ]
    return [*metrics, *expressions]


def _shown(statistic: str, label: str) -> dict[str, Any]:
    return {"stat": statistic, "label": label}


def _graph(
    title: str, metrics: Sequence[Row], *, annotation: tuple[str, float] | None = None
) -> dict[str, Any]:
    graph: dict[str, Any] = {"title": title, "view": "timeSeries", "period": 60, "metrics": list(metrics)}
    if annotation is not None:
        label, value = annotation
        graph["annotations"] = {"horizontal": [{"label": label, "value": value}]}
    return graph


def _placed(graph: dict[str, Any], index: int, region: str) -> dict[str, Any]:
    row, column = divmod(index, COLUMNS)
    return {
        "type": "metric",
        "x": column * WIDTH,
        "y": row * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {**graph, "region": region},
    }
