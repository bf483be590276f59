"""The graphs of the dashboard, made of the same metrics that scaling uses."""

from __future__ import annotations

from collections.abc import Sequence

from darkroom.campaign import ResolvedCampaign
from stacks.dashboard_widgets import Row, Widget, graph, shown
from stacks.utilization import (
    ENDPOINT_NAMESPACE,
    HOST_NAMESPACE,
    NAMESPACE,
    campaign_dimensions,
    invocations_query,
    invocations_target,
    utilization,
)


def graphs(campaign: ResolvedCampaign, *, variant: str, drawings: str | None) -> list[Widget]:
    """Request latency and utilization over time first, the two that the campaign is judged by.

    ``drawings`` is the name of a realtime campaign's queue: its load is invocations an instance, its backlog
    that queue, and there is a graph of the model's latency.
    """
    of_variant = ("EndpointName", campaign.name, "VariantName", variant)
    own = [part for dimension in campaign_dimensions(campaign.name) for part in dimension]
    made = [
        graph(
            "Request latency (seconds from request to picture)",
            [
                [NAMESPACE, "RequestLatency", *own, shown(statistic, statistic)]
                for statistic in ("p50", "p95", "p99")
            ],
        ),
        *(
            _asynchronous_load(campaign, variant)
            if drawings is None
            else _realtime_load(campaign, variant, drawings)
        ),
        graph(
            "Instances in service",
            [[HOST_NAMESPACE, "CPUUtilization", *of_variant, shown("SampleCount", "instances")]],
        ),
        graph("Requests by stage", _stage_counts(own)),
        graph("Seconds by stage (p95)", _stage_seconds(own, of_variant, is_realtime=drawings is not None)),
        graph(
            "Cache",
            [
                [NAMESPACE, name, *own, shown("Sum", label)]
                for name, label in (
                    ("CacheHits", "hits"),
                    ("CoalescedRequests", "coalesced"),
                    ("CacheMisses", "misses"),
                )
            ],
        ),
        graph(
            "Errors",
            [
                [NAMESPACE, "JobsFailed", *own, shown("Sum", "jobs failed")],
                [NAMESPACE, "JobsResubmitted", *own, shown("Sum", "jobs resubmitted")],
                *_endpoint_errors(of_variant, is_realtime=drawings is not None),
                ["AWS/ApiGateway", "5XXError", "ApiName", campaign.name, shown("Sum", "API 5xx")],
                *_refusals(campaign, own),
            ],
        ),
    ]
    if drawings is not None:
        made.append(_model_latency(of_variant))
    return made


def _stage_counts(own: Sequence[str]) -> list[Row]:
    """A request's life in numbers: in a steady state the lines are one."""
    return [
        [NAMESPACE, name, *own, shown("Sum", label)]
        for name, label in (
            ("CacheMisses", "accepted"),
            ("JobsSubmitted", "submitted"),
            ("PicturesCompleted", "done"),
            ("JobsFailed", "failed"),
        )
    ]


def _stage_seconds(own: Sequence[str], of_variant: Sequence[str], *, is_realtime: bool) -> list[Row]:
    """Where the time goes. SageMaker tells of its own queue in milliseconds, ours tells itself."""
    queued: list[Row] = (
        [[NAMESPACE, "QueueLatency", *own, shown("p95", "queued")]]
        if is_realtime
        else [
            [
                ENDPOINT_NAMESPACE,
                "TimeInBacklog",
                *of_variant,
                shown("p95", "backlog", id="b", visible=False),
            ],
            [{"expression": "b / 1000", "label": "queued (of drawing)", "id": "queued"}],
        ]
    )
    last: list[Row] = (
        [] if is_realtime else [[NAMESPACE, "NotificationLatency", *own, shown("p95", "notification")]]
    )
    return [
        [NAMESPACE, "SubmissionLatency", *own, shown("p95", "submission")],
        *queued,
        [NAMESPACE, "DrawingLatency", *own, shown("p95", "drawing")],
        *last,
    ]


def _asynchronous_load(campaign: ResolvedCampaign, variant: str) -> list[Widget]:
    endpoint = ("EndpointName", campaign.name)
    return [
        graph(
            "Utilization",
            _utilization(campaign, variant),
            annotation=("target", campaign.file.scaling.target_utilization),
        ),
        graph(
            "Backlog",
            [
                [
                    ENDPOINT_NAMESPACE,
                    "ApproximateBacklogSize",
                    *endpoint,
                    shown("Maximum", "waiting or drawn"),
                ],
                [
                    ENDPOINT_NAMESPACE,
                    "ApproximateAgeOfOldestRequest",
                    *endpoint,
                    {**shown("Maximum", "age of the oldest (s)"), "yAxis": "right"},
                ],
            ],
        ),
    ]


def _realtime_load(campaign: ResolvedCampaign, variant: str, drawings: str) -> list[Widget]:
    tracked = invocations_query(campaign, variant)
    dimensions = [part for dimension in tracked.dimensions for part in dimension]
    queue = ("AWS/SQS", "QueueName", drawings)
    return [
        graph(
            "Invocations an instance and minute",
            [[tracked.namespace, tracked.name, *dimensions, shown(tracked.statistic, tracked.label)]],
            annotation=("target", invocations_target(campaign)),
        ),
        graph(
            "Backlog",
            [
                [queue[0], "ApproximateNumberOfMessagesVisible", *queue[1:], shown("Maximum", "waiting")],
                [queue[0], "ApproximateNumberOfMessagesNotVisible", *queue[1:], shown("Maximum", "drawn")],
                [
                    queue[0],
                    "ApproximateAgeOfOldestMessage",
                    *queue[1:],
                    {**shown("Maximum", "age of the oldest (s)"), "yAxis": "right"},
                ],
            ],
        ),
    ]


def _refusals(campaign: ResolvedCampaign, own: Sequence[str]) -> list[Row]:
    moderation = campaign.file.moderation
    if moderation is None:
        return []
    refused = [[NAMESPACE, "PromptsRefused", *own, shown("Sum", "prompts refused")]]
    if moderation.pictures is not None:
        refused.append([NAMESPACE, "PicturesRefused", *own, shown("Sum", "pictures refused")])
    return refused


def _model_latency(of_variant: Sequence[str]) -> Widget:
    return graph(
        "Model latency (microseconds, waiting in the container included)",
        [
            [ENDPOINT_NAMESPACE, "ModelLatency", *of_variant, shown(statistic, statistic)]
            for statistic in ("p50", "p95")
        ],
    )


def _endpoint_errors(of_variant: Sequence[str], *, is_realtime: bool) -> list[Row]:
    names = (
        (("Invocation5XXErrors", "model 5xx"), ("Invocation4XXErrors", "model 4xx"))
        if is_realtime
        else (("InvocationFailures", "invocations failed"), ("ExpiredRequests", "requests expired"))
    )
    return [[ENDPOINT_NAMESPACE, name, *of_variant, shown("Sum", label)] for name, label in names]


def _utilization(campaign: ResolvedCampaign, variant: str) -> list[Row]:
    """Demand over capacity, in the form that the campaign scales by."""
    measured = utilization(campaign, variant=variant)
    metrics = [
        [
            each.namespace,
            each.name,
            *(part for dimension in each.dimensions for part in dimension),
            {**shown(each.statistic, each.label), "id": each.id, "visible": False},
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
