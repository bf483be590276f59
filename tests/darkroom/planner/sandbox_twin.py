"""The same endpoint twice: its scaling deployed to the local AWS, its queue played by a few plain loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from darkroom.autoscaling.metric_query import MetricQuery
from darkroom.autoscaling.policies import StepScalingPolicy, TargetTrackingPolicy
from darkroom.autoscaling.template import PolicyResource, ScalableTargetResource

STEP = 10
"""Seconds from one look of the scaling to the next."""

RESOURCE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/demo/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


def deploy(world: Any, target: ScalableTargetResource) -> None:
    """Register the target and put its policies and alarms through the AWS APIs."""
    world.scaling.register_scalable_target(
        **RESOURCE, MinCapacity=target.limits.minimum, MaxCapacity=target.limits.maximum
    )
    for resource in target.policies:
        arn = world.scaling.put_scaling_policy(
            **RESOURCE, PolicyName=resource.policy.name, **_configuration(resource)
        )["PolicyARN"]
        for alarm in resource.alarms:
            world.cloudwatch.put_metric_alarm(
                AlarmName=alarm.name,
                Metrics=[_query(query, alarm.rule.period) for query in alarm.queries],
                ComparisonOperator=alarm.rule.comparison,
                Threshold=alarm.rule.threshold,
                EvaluationPeriods=alarm.rule.evaluation_periods,
                DatapointsToAlarm=alarm.rule.datapoints_to_alarm,
                TreatMissingData=alarm.rule.treat_missing_data,
                AlarmActions=[arn],
            )


def _configuration(resource: PolicyResource) -> dict[str, Any]:
    policy = resource.policy
    if isinstance(policy, TargetTrackingPolicy):
        return {
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": policy.target,
                "ScaleOutCooldown": int(policy.scale_out_cooldown),
                "ScaleInCooldown": int(policy.scale_in_cooldown),
                "DisableScaleIn": policy.disable_scale_in,
                "CustomizedMetricSpecification": {"Metrics": [_query(query) for query in policy.queries]},
            },
        }
    return {
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": policy.adjustment_type,
            "Cooldown": int(policy.cooldown),
            "StepAdjustments": _steps(policy),
        },
    }


def _steps(policy: StepScalingPolicy) -> list[dict[str, Any]]:
    names = ("ScalingAdjustment", "MetricIntervalLowerBound", "MetricIntervalUpperBound")
    return [
        {
            name: value
            for name, value in zip(names, (s.adjustment, s.lower, s.upper), strict=True)
            if value is not None
        }
        for s in policy.steps
    ]


def _query(query: MetricQuery, period: int | None = None) -> dict[str, Any]:
    head = {"Id": query.id, "ReturnData": query.return_data}
    if query.stat is None:
        return {**head, "Expression": query.expression}
    stat = {
        "Metric": {
            "Namespace": query.stat.namespace,
            "MetricName": query.stat.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in query.stat.dimensions],
        },
        "Stat": query.stat.stat,
    }
    return {**head, "MetricStat": stat if period is None else {**stat, "Period": period}}


class PlainEndpoint:
    """Requests without a cache, fixed times, one list a thing: slow and easy to see through."""

    def __init__(self, arrivals: Sequence[float], *, workers: int, service: float, start_up: float) -> None:
        self._arrivals = list(arrivals)
        self._workers, self._service, self._start_up = workers, service, start_up
        self._ready: list[float] = []
        self._free: list[list[float]] = []
        self._ends: list[float] = []
        self._queue: list[float] = []
        self.new_requests = 0
        self.completed = 0

    def follow(self, desired: int, now: float) -> None:
        """Launch or drain, the youngest first."""
        while len(self._ready) < desired:
            self._ready.append(now + self._start_up)
            self._free.append([now + self._start_up] * self._workers)
        del self._ready[desired:], self._free[desired:]

    def run(self, now: float) -> None:
        """Everything up to ``now``, a step after the last call."""
        self.new_requests = 0
        while self._arrivals and self._arrivals[0] < now:
            self._queue.append(self._arrivals.pop(0))
            self.new_requests += 1
        while self._queue and self._free:
            instance = min(range(len(self._free)), key=lambda number: min(self._free[number]))
            worker = self._free[instance].index(min(self._free[instance]))
            start = max(self._queue[0], self._free[instance][worker])
            if start >= now:
                break
            self._queue.pop(0)
            self._free[instance][worker] = start + self._service
            self._ends.append(start + self._service)
        self.completed = sum(now - STEP <= end < now for end in self._ends)

    def in_service(self, now: float) -> int:
        return sum(ready <= now for ready in self._ready)

    def waiting(self) -> int:
        return len(self._queue)

    def backlog(self, now: float) -> int:
        return len(self._queue) + sum(end >= now for end in self._ends)


def scale_in_sandbox(
    world: Any,
    target: ScalableTargetResource,
    endpoint: PlainEndpoint,
    seconds: int,
    put: Callable[[str, str, list[float], float], None],
) -> list[tuple[float, int]]:
    """Let the local AWS scale ``endpoint``; every change of the desired count, with its moment."""
    begin = world.now
    decisions: list[tuple[float, int]] = []
    requests = 0
    for now in range(STEP, seconds + 1, STEP):
        endpoint.run(now)
        requests += endpoint.new_requests
        put("ImageGenAPI", "CacheMisses", [1.0] * endpoint.new_requests, begin + now - STEP)
        put("ImageGenAPI", "PicturesCompleted", [1.0] * endpoint.completed, begin + now - STEP)
        world.variant["CurrentInstanceCount"] = endpoint.in_service(now)
        if now % 60 == 0:
            instances = endpoint.in_service(now)
            minute = begin + now - 60
            put("ImageGenAPI", "NumberOfInferenceRequests", [1.0] * requests, minute)
            put("AWS/SageMaker", "ApproximateBacklogSize", [endpoint.backlog(now)], minute)
            without = float(endpoint.waiting() > 0 and instances == 0)
            put("AWS/SageMaker", "HasBacklogWithoutCapacity", [without], minute)
            put("/aws/sagemaker/Endpoints", "CPUUtilization", [50.0] * instances, minute)
            requests = 0
        before = world.instances
        world.advance(STEP)
        if world.instances != before:
            decisions.append((float(now), world.instances))
            endpoint.follow(world.instances, now)
    return decisions
