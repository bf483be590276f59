"""CloudWatch's embedded metric format: metrics written as log lines.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAXIMUM_METRICS = 100
MAXIMUM_DIMENSIONS = 30
MAXIMUM_VALUES = 100


class EmfError(ValueError):
    """A line that says it holds metrics, but breaks the format's rules."""


@dataclass(frozen=True)
class Sample:
    """One metric of a line under one of its dimension sets.

    Attributes:
        moment: wall seconds since the epoch, as the writer gave them.
        storage_resolution: 1 for a metric of high resolution, else 60 seconds.
    """

    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]
    values: tuple[float, ...]
    moment: float
    storage_resolution: int


def samples(line: str) -> list[Sample]:
    """The metrics in a log line; none when it isn't in the format.

    Raises:
        EmfError: a line with ``_aws`` metadata that CloudWatch would refuse; says which rule.
    """
    if '"_aws"' not in line:
        return []
    try:
        document = json.loads(line)
    except ValueError:
        return []
    if not isinstance(document, dict) or not isinstance(document.get("_aws"), dict):
        return []
    metadata = document["_aws"]
    if "CloudWatchMetrics" not in metadata:
        return []
    moment = _moment(metadata)
    directives = metadata["CloudWatchMetrics"]
    if not isinstance(directives, list):
        raise EmfError("_aws.CloudWatchMetrics is no array of metric directives")
    return [sample for directive in directives for sample in _directive(directive, document, moment)]


def _moment(metadata: dict[str, Any]) -> float:
    timestamp = metadata.get("Timestamp")
    if not isinstance(timestamp, int | float) or isinstance(timestamp, bool):
        raise EmfError(f"_aws.Timestamp is {timestamp!r}: give milliseconds since the epoch")
    return timestamp / 1000


def _directive(directive: Any, document: dict[str, Any], moment: float) -> Iterator[Sample]:
    if not isinstance(directive, dict):
        raise EmfError("a metric directive is no object")
    namespace = directive.get("Namespace")
    if not isinstance(namespace, str) or not namespace:
        raise EmfError("a metric directive has no Namespace")
    metrics = directive.get("Metrics")
    if not isinstance(metrics, list) or len(metrics) > MAXIMUM_METRICS:
        raise EmfError(f"Metrics is no array of at most {MAXIMUM_METRICS} definitions")
    dimension_sets = directive.get("Dimensions", [[]])
    if not isinstance(dimension_sets, list):
        raise EmfError("Dimensions is no array of dimension sets")
    resolved = [_dimensions(names, document) for names in dimension_sets or [[]]]
    for metric in metrics:
        if not isinstance(metric, dict) or not isinstance(metric.get("Name"), str):
            raise EmfError("a metric definition has no Name")
        name, unit = metric["Name"], metric.get("Unit", "None")
        values, resolution = _values(name, document), _storage_resolution(metric)
        for dimensions in resolved:
            yield Sample(namespace, name, unit, dimensions, values, moment, resolution)


def _storage_resolution(metric: dict[str, Any]) -> int:
    resolution = metric.get("StorageResolution", 60)
    if resolution not in (1, 60):
        raise EmfError(f"metric {metric['Name']!r} has the StorageResolution {resolution!r}: give 1 or 60")
    return int(resolution)


def _dimensions(names: Any, document: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    if not isinstance(names, list) or len(names) > MAXIMUM_DIMENSIONS:
        raise EmfError(f"a dimension set is no array of at most {MAXIMUM_DIMENSIONS} names")
    for name in names:
        if not isinstance(document.get(name), str) or not document[name]:
            raise EmfError(f"dimension {name!r} has no string value at the root of the document")
    return tuple((name, document[name]) for name in names)


def _values(name: str, document: dict[str, Any]) -> tuple[float, ...]:
    value = document.get(name)
    values = value if isinstance(value, list) else [value]
    if not 0 < len(values) <= MAXIMUM_VALUES:
        raise EmfError(f"metric {name!r} has {len(values)} values: give 1 to {MAXIMUM_VALUES}")
    return tuple(_number(name, number) for number in values)


def _number(name: str, number: Any) -> float:
    if not isinstance(number, int | float) or isinstance(number, bool):
        raise EmfError(f"metric {name!r} has the value {number!r}, which is no number")
    return float(number)
