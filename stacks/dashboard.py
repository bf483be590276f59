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
    invocations_query,
    invocations_target,
    utilization,
)

WIDTH, HEIGHT, COLUMNS = 12, 6, 2

Row = list[Any]


def dashboard_body(
    campaign: ResolvedCampaign, *, variant: str, drawings: str | None = None
) -> dict[str, Any]:
    """Six graphs: request latency and utilization over time first, the two that the campaign is judged by.

    ``drawings`` is the name of a realtime campaign's queue: its load is invocations an instance, its backlog
    that queue, and the model's latency is a seventh graph.
    """
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
        *(
            _asynchronous_load(campaign, variant)
            if drawings is None
            else _realtime_load(campaign, variant, drawings)
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
                *_endpoint_errors(of_variant, is_realtime=drawings is not None),
                ["AWS/ApiGateway", "5XXError", "ApiName", campaign.name, _shown("Sum", "API 5xx")],
                *_refusals(campaign, own),
            ],
        ),
    ]
    if drawings is not None:
        graphs.append(_model_latency(of_variant))
    region = campaign.file.environment.region
    return {"widgets": [_placed(graph, index, region) for index, graph in enumerate(graphs)]}


def _asynchronous_load(campaign: ResolvedCampaign, variant: str) -> list[dict[str, Any]]:
    endpoint = ("EndpointName", campaign.name)
    return [
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
    ]


def _realtime_load(campaign: ResolvedCampaign, variant: str, drawings: str) -> list[dict[str, Any]]:
    tracked = invocations_query(campaign, variant)
    dimensions = [part for dimension in tracked.dimensions for part in dimension]
    queue = ("AWS/SQS", "QueueName", drawings)
    return [
        _graph(
            "Invocations an instance and minute",
            [[tracked.namespace, tracked.name, *dimensions, _shown(tracked.statistic, tracked.label)]],
            annotation=("target", invocations_target(campaign)),
        ),
        _graph(
            "Backlog",
            [
                [queue[0], "ApproximateNumberOfMessagesVisible", *queue[1:], _shown("Maximum", "waiting")],
                [queue[0], "ApproximateNumberOfMessagesNotVisible", *queue[1:], _shown("Maximum", "drawn")],
                [
                    queue[0],
                    "ApproximateAgeOfOldestMessage",
                    *queue[1:],
                    {**_shown("Maximum", "age of the oldest (s)"), "yAxis": "right"},
                ],
            ],
        ),
    ]


def _model_latency(of_variant: Sequence[str]) -> dict[str, Any]:
    return _graph(
        "Model latency (microseconds, waiting in the container included)",
        [
            [ENDPOINT_NAMESPACE, "ModelLatency", *of_variant, _shown(statistic, statistic)]
            for statistic in ("p50", "p95")
        ],
    )


def _endpoint_errors(of_variant: Sequence[str], *, is_realtime: bool) -> list[Row]:
    names = (
        (("Invocation5XXErrors", "model 5xx"), ("Invocation4XXErrors", "model 4xx"))
        if is_realtime
        else (("InvocationFailures", "invocations failed"), ("ExpiredRequests", "requests expired"))
    )
    return [[ENDPOINT_NAMESPACE, name, *of_variant, _shown("Sum", label)] for name, label in names]


def _refusals(campaign: ResolvedCampaign, own: Sequence[str]) -> list[Row]:
    moderation = campaign.file.moderation
    if moderation is None:
        return []
    shown = [[NAMESPACE, "PromptsRefused", *own, _shown("Sum", "prompts refused")]]
    if moderation.pictures is not None:
        shown.append([NAMESPACE, "PicturesRefused", *own, _shown("Sum", "pictures refused")])
    return shown


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
