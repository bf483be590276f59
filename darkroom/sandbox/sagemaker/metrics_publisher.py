"""Publishes what an endpoint measured, once a minute, in its model's execution role."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.sagemaker import execution_role, metrics
from darkroom.sandbox.sagemaker.backlog import BacklogState
from darkroom.sandbox.sagemaker.instance import Instance
from darkroom.sandbox.sagemaker.launch import Launch
from darkroom.sandbox.sagemaker.metrics import HostSample, RequestSamples


class MetricsPublisher:
    """One endpoint's. ``samples`` is what its requests were like since the last minute."""

    def __init__(self, account_id: str, region: str, samples: RequestSamples) -> None:
        self._account_id = account_id
        self._region = region
        self._samples = samples

    def publish(
        self, minute: float, launch: Launch, serving: Sequence[Instance], queue: BacklogState | None
    ) -> None:
        """Publish the metrics of the minute that begins at ``minute``, sandbox seconds.

        Args:
            launch: what the endpoint's instances are launched with.
            serving: the instances in service.
            queue: None of a realtime endpoint.
        """
        name, variant = launch.endpoint_name, launch.config.variant.name
        now = launch.context.clock.now()
        data = [] if queue is None else metrics.endpoint_data(name, queue, len(serving), now)
        data += metrics.request_data(name, variant, self._samples.take())
        for config, samples in self._samples.take_by_config().items():
            data += metrics.request_data(name, variant, samples, config)
        role = launch.model.role
        if data:
            self._put(role, name, metrics.SERVICE_NAMESPACE, data, minute)
        state = launch.context.settings.state
        hosts = metrics.host_data(name, variant, [_host_sample(one, state) for one in serving])
        self._put(role, name, metrics.HOST_NAMESPACE, hosts, minute)

    def _put(
        self, role: str, endpoint: str, namespace: str, data: list[dict[str, Any]], minute: float
    ) -> None:
        """Where the role may not, there are no metrics, and all else goes on."""
        try:
            execution_role.require(role, execution_role.to_publish_metrics(namespace))
        except AccessDeniedError as error:
            print(f"endpoint {endpoint}: no metrics: {error}", file=sys.stderr)
            return
        metrics.put(self._account_id, self._region, namespace, data, minute)


def _host_sample(instance: Instance, state: Path) -> HostSample:
    """``state`` is the folder that stands for its disk."""
    return HostSample(
        cpu=instance.workers.cpu_percent(),
        memory=100 * instance.workers.memory_bytes() / psutil.virtual_memory().total,
        disk=psutil.disk_usage(str(state)).percent,
    )
