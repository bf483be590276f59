"""What the two modes of an endpoint differ in: their defaults, and what each can't be.

Sources: SageMaker Runtime API reference, InvokeEndpoint ("A customer's model containers must respond to
requests within 60 seconds"); SageMaker developer guide, "Scale an endpoint to zero instances" ("only if it
hosts inference components") and "Autoscale an asynchronous endpoint".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from darkroom.campaign.fields import duration_text
from darkroom.campaign.model import Endpoint, Mode, Scaling, ScalingMetric
from darkroom.campaign.problem import FieldPath, Problem

REALTIME_SECONDS = 60
"""The longest that InvokeEndpoint waits for a container."""

METRICS: dict[Mode, tuple[ScalingMetric, ...]] = {
    "async": ("backlog-aware", "published"),
    "realtime": ("invocations-per-instance",),
}
"""What each mode scales by, its default first."""

_MODE: FieldPath = ("endpoint", "mode")


def with_defaults_of_mode(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a campaign file says, with the defaults that only ``endpoint.mode: realtime`` has.

    A section that is no mapping is left as it is: it is a problem of its own.
    """
    endpoint, scaling = content.get("endpoint"), content.get("scaling", {})
    if not isinstance(endpoint, dict) or endpoint.get("mode") != "realtime":
        return dict(content)
    timed = {"invocation_timeout": duration_text(REALTIME_SECONDS), **endpoint}
    if isinstance(scaling, dict):
        scaling = {"metric": METRICS["realtime"][0], **scaling}
    return {**content, "endpoint": timed, "scaling": scaling}


def mode_problems(endpoint: Endpoint, scaling: Scaling) -> Iterator[Problem]:
    """The endpoint can do in its mode what the campaign asks."""
    if scaling.metric not in METRICS[endpoint.mode]:
        none = "has no invocations per instance" if endpoint.mode == "async" else "has no queue to scale by"
        yield Problem(
            ("scaling", "metric"),
            scaling.metric,
            f"an endpoint whose mode is {endpoint.mode} {none}",
            " or ".join(METRICS[endpoint.mode]),
            involves=(_MODE,),
        )
    if endpoint.mode == "realtime":
        yield from _realtime_problems(endpoint, scaling)


def _realtime_problems(endpoint: Endpoint, scaling: Scaling) -> Iterator[Problem]:
    if endpoint.invocation_timeout > REALTIME_SECONDS:
        yield Problem(
            ("endpoint", "invocation_timeout"),
            duration_text(endpoint.invocation_timeout),
            "SageMaker's InvokeEndpoint waits 60 s for a container (SageMaker Runtime API reference)",
            "1s to 60s, or mode: async",
            involves=(_MODE,),
        )
    counts: list[tuple[FieldPath, int | None]] = [(("scaling", "min_instances"), scaling.min_instances)]
    for index, action in enumerate(scaling.schedule):
        path: FieldPath = ("scaling", "schedule", index)
        counts += [((*path, "min_instances"), action.min_instances)]
        counts += [((*path, "max_instances"), action.max_instances)]
    for path, count in counts:
        if count == 0:
            yield Problem(
                path,
                count,
                "a realtime endpoint keeps an instance: only inference components scale to zero "
                "(SageMaker developer guide, Scale an endpoint to zero instances)",
                "at least 1, or mode: async",
                involves=(_MODE,),
            )
