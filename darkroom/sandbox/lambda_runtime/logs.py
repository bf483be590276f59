"""What a function prints: to CloudWatch Logs, and the metrics in it to CloudWatch."""

from __future__ import annotations

import sys

from moto.cloudwatch.models import cloudwatch_backends
from moto.logs.models import logs_backends

from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.lambda_runtime import emf
from darkroom.sandbox.lambda_runtime.configuration import FunctionConfiguration
from darkroom.sandbox.lambda_runtime.execution_role import require_to_log
from darkroom.sandbox.moments import moto_datetime_of


class LogStream:
    """The log stream of one execution environment."""

    def __init__(self, context: Context, configuration: FunctionConfiguration, environment_id: str) -> None:
        self._context = context
        self._configuration = configuration
        day = context.clock.now_datetime().strftime("%Y/%m/%d")
        self.name = f"{day}/[{configuration.version}]{environment_id}"

    def write(self, lines: list[str]) -> None:
        """Append ``lines``, and take the metrics that are in them."""
        if not lines:
            return
        if self._context.settings.verbose:
            for line in lines:
                print(f"{self._configuration.name}: {line}", file=sys.stderr)
        self._put_events(lines)
        for line in lines:
            self._put_metrics(line)

    def _put_events(self, lines: list[str]) -> None:
        function = self._configuration
        backend = logs_backends[function.account_id][function.region]
        # Lambda makes the group of a function that names none; one that was named must be there,
        # or a group that a stack owned would be back after the stack is gone.
        if function.log_group == f"/aws/lambda/{function.name}":
            backend.ensure_log_group(function.log_group)
        group = backend.groups.get(function.log_group)
        if group is None:
            return
        new = self.name not in group.streams
        try:
            require_to_log(function, self.name, new=new)
        except AccessDeniedError as error:
            # As on AWS: the function runs, and nothing of what it prints is kept. Here it is said.
            print(f"{function.name}: not logged: {error}", file=sys.stderr)
            return
        if new:
            group.create_log_stream(self.name)
        # By the sandbox's clock. The group takes what the backend would drop: moto compares with the
        # wall's time, and a fast sandbox is soon hours ahead of it.
        moment = int(self._context.clock.now() * 1000)
        group.put_log_events(self.name, [{"timestamp": moment, "message": line} for line in lines])

    def _put_metrics(self, line: str) -> None:
        try:
            samples = emf.samples(line)
        except emf.EmfError as error:
            self._put_events(
                [f"CloudWatch refused the metrics in a log line of {self._configuration.name}: {error}"]
            )
            return
        backend = cloudwatch_backends[self._configuration.account_id][self._configuration.region]
        for sample in samples:
            moment = self._context.clock.from_wall(sample.moment)
            backend.put_metric_data(
                sample.namespace,
                [
                    {
                        "MetricName": sample.name,
                        "Dimensions": [{"Name": name, "Value": value} for name, value in sample.dimensions],
                        "Timestamp": moto_datetime_of(moment),
                        "Unit": sample.unit,
                        "Values": list(sample.values),
                        "StorageResolution": sample.storage_resolution,
                    }
                ],
            )
