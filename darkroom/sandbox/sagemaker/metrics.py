"""What an endpoint publishes to CloudWatch, and with which dimensions.

The list of metrics, their units and dimensions:
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html and, for the hosts,
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html.

Waiting is measured on the sandbox's clock (TimeInBacklog, TotalProcessingTime,
ApproximateAgeOfOldestRequest), work in the wall time it takes (ModelLatency, the download and
upload latencies, CPUUtilization).
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from darkroom.sandbox.moments import moto_datetime_of
from darkroom.sandbox.sagemaker.backlog import BacklogState

SERVICE_NAMESPACE = "AWS/SageMaker"
HOST_NAMESPACE = "/aws/sagemaker/Endpoints"

REQUEST_UNITS: Mapping[str, str] = {
    "Invocations": "None",
    "InvocationsPerInstance": "None",
    "InvocationModelErrors": "None",
    "InvocationsProcessed": "Count",
    "InvocationFailures": "Count",
    "ExpiredRequests": "Count",
    "RequestDownloadFailures": "Count",
    "ResponseUploadFailures": "Count",
    "NotificationFailures": "Count",
    "Invocation4XXErrors": "None",
    "Invocation5XXErrors": "None",
    "ModelLatency": "Microseconds",
    "RequestDownloadLatency": "Microseconds",
    "ResponseUploadLatency": "Microseconds",
    "TimeInBacklog": "Milliseconds",
    "TotalProcessingTime": "Milliseconds",
}


class RequestSamples:
    """Per-request values since the last minute, by metric name, and by endpoint configuration beside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: defaultdict[str, list[float]] = defaultdict(list)
        self._of_config: defaultdict[str, defaultdict[str, list[float]]] = _by_config()

    def add(self, name: str, value: float = 1.0, *, config: str | None = None) -> None:
        """Record one value of a metric in :data:`REQUEST_UNITS`, of an instance that runs ``config``."""
        if name not in REQUEST_UNITS:
            raise KeyError(f"{name} is no request metric: {', '.join(REQUEST_UNITS)}")
        with self._lock:
            self._values[name].append(value)
            if config is not None:
                self._of_config[config][name].append(value)

    def take(self) -> dict[str, list[float]]:
        """Everything recorded since the last call."""
        with self._lock:
            values, self._values = dict(self._values), defaultdict(list)
        return values

    def take_by_config(self) -> dict[str, dict[str, list[float]]]:
        """What was recorded of each endpoint configuration since the last call."""
        with self._lock:
            found, self._of_config = self._of_config, _by_config()
        return {config: dict(values) for config, values in found.items()}


def _by_config() -> defaultdict[str, defaultdict[str, list[float]]]:
    return defaultdict(lambda: defaultdict(list))


@dataclass(frozen=True)
class HostSample:
    """One instance in one minute.

    Attributes:
        cpu: per cent of one core, summed over cores (up to 100 times the cores).
        memory, disk: per cent of the whole.
    """

    cpu: float
    memory: float
    disk: float


def endpoint_data(endpoint: str, state: BacklogState, in_service: int, now: float) -> list[dict[str, Any]]:
    """The metrics of the queue, with dimension EndpointName alone.

    The backlog per instance has no value without instances; a target that tracks it can't leave
    zero, which is what HasBacklogWithoutCapacity is for.
    """
    age = 0.0 if state.oldest_received is None else max(0.0, now - state.oldest_received)
    without_capacity = state.waiting > 0 and in_service == 0
    data = [
        _datum("ApproximateBacklogSize", [state.size], "Count", endpoint),
        _datum("ApproximateAgeOfOldestRequest", [age], "Seconds", endpoint),
        _datum("HasBacklogWithoutCapacity", [float(without_capacity)], "Count", endpoint),
    ]
    if in_service:
        per_instance = state.size / in_service
        data.append(_datum("ApproximateBacklogSizePerInstance", [per_instance], "Count", endpoint))
    return data


def request_data(
    endpoint: str, variant: str, samples: Mapping[str, list[float]], config: str | None = None
) -> list[dict[str, Any]]:
    """The per-request metrics, with dimensions EndpointName and VariantName, EndpointConfigName if given.

    By the last SageMaker tells the fleets of an update apart (developer guide, "Auto-Rollback Configuration
    and Monitoring").
    """
    return [
        _datum(name, values, REQUEST_UNITS[name], endpoint, variant, config)
        for name, values in samples.items()
    ]


def host_data(endpoint: str, variant: str, hosts: Sequence[HostSample]) -> list[dict[str, Any]]:
    """The host metrics: one sample an instance, so that SampleCount is the number of instances."""
    if not hosts:
        return []
    return [
        _datum("CPUUtilization", [host.cpu for host in hosts], "Percent", endpoint, variant),
        _datum("MemoryUtilization", [host.memory for host in hosts], "Percent", endpoint, variant),
        _datum("DiskUtilization", [host.disk for host in hosts], "Percent", endpoint, variant),
    ]


def put(account_id: str, region: str, namespace: str, data: list[dict[str, Any]], minute: float) -> None:
    """Put ``data`` for the minute that begins at ``minute``, sandbox seconds."""
    timestamp = moto_datetime_of(minute)
    backend = cloudwatch_backends[account_id][region]
    backend.put_metric_data(namespace, [{**datum, "Timestamp": timestamp} for datum in data])


def _datum(
    name: str,
    values: Sequence[float],
    unit: str,
    endpoint: str,
    variant: str | None = None,
    config: str | None = None,
) -> dict[str, Any]:
    dimensions = [{"Name": "EndpointName", "Value": endpoint}]
    if variant is not None:
        dimensions.append({"Name": "VariantName", "Value": variant})
    if config is not None:
        dimensions.append({"Name": "EndpointConfigName", "Value": config})
    return {"MetricName": name, "Dimensions": dimensions, "Values": list(values), "Unit": unit}
