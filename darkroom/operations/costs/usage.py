"""What AWS measured of a campaign's use, hour by hour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from darkroom.operations.own_metrics import NAMESPACE, own_dimensions

HOUR = 3600
MINUTES_AN_HOUR = 60


@dataclass(frozen=True)
class Quantity:
    """One quantity: a metric, and what its values are multiplied by.

    Attributes:
        unit: its name in the price file; of instances, ``instance_hour``; of pictures, ``picture``.
        dimensions: exactly the metric's own.
    """

    unit: str
    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str = "Sum"
    factor: float = 1.0


Hours = Sequence[tuple[float, float]]
"""Start of an hour (seconds since the epoch) and the quantity in it; hours without data are left out."""


def quantities(
    campaign: str, *, functions: Mapping[str, float], table: str, looks_at_pictures: bool
) -> list[Quantity]:
    """What is billed by use, and the pictures.

    CPUUtilization has one sample a minute and instance (docs/scaling.md): its count is instance-minutes. An
    instance has none until it serves, so its start is not in it.

    Args:
        functions: memory of each function in GB, by name.
        looks_at_pictures: Rekognition sees each picture before it is shown, the refused ones too.
    """
    variant = (("EndpointName", campaign), ("VariantName", "AllTraffic"))
    own = tuple(own_dimensions(campaign).items())
    api = (("ApiName", campaign),)
    rows = (("TableName", table),)
    seen = ("PicturesCompleted", "PicturesRefused") if looks_at_pictures else ()
    return [
        Quantity(
            "instance_hour", "/aws/sagemaker/Endpoints", "CPUUtilization", variant, "SampleCount",
            1 / MINUTES_AN_HOUR,
        ),
        Quantity("picture", NAMESPACE, "PicturesCompleted", own),
        Quantity("api_request", "AWS/ApiGateway", "Count", api, "SampleCount"),
        Quantity("table_write_unit", "AWS/DynamoDB", "ConsumedWriteCapacityUnits", rows),
        Quantity("table_read_unit", "AWS/DynamoDB", "ConsumedReadCapacityUnits", rows),
        *(Quantity("moderated_picture", NAMESPACE, metric, own) for metric in seen),
        *_of_functions(functions),
    ]  # fmt: skip


def _of_functions(functions: Mapping[str, float]) -> Iterator[Quantity]:
    for name, memory in functions.items():
        dimensions = (("FunctionName", name),)
        yield Quantity("function_request", "AWS/Lambda", "Invocations", dimensions)
        yield Quantity("function_gb_second", "AWS/Lambda", "Duration", dimensions, factor=memory / 1000)


def measure(
    cloudwatch: Any, wanted: Sequence[Quantity], start: float, end: float
) -> dict[str, dict[float, float]]:
    """Each unit's quantity in each hour from ``start`` to ``end``, seconds since the epoch."""
    queries = [_query(f"q{index}", quantity) for index, quantity in enumerate(wanted)]
    measured: dict[str, dict[float, float]] = {quantity.unit: {} for quantity in wanted}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries,
        StartTime=datetime.fromtimestamp(start // HOUR * HOUR, UTC),
        EndTime=datetime.fromtimestamp((end // HOUR + 1) * HOUR, UTC),
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            quantity = wanted[int(result["Id"][1:])]
            hours = measured[quantity.unit]
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                hour = moment.timestamp()
                hours[hour] = hours.get(hour, 0.0) + value * quantity.factor
    return measured


def _query(query_id: str, quantity: Quantity) -> dict[str, Any]:
    return {
        "Id": query_id,
        "MetricStat": {
            "Metric": {
                "Namespace": quantity.namespace,
                "MetricName": quantity.metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in quantity.dimensions],
            },
            "Period": HOUR,
            "Stat": quantity.statistic,
        },
    }
