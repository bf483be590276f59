"""Alarms evaluated as the sandbox's time passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.cloudwatch.models import Alarm, cloudwatch_backends

from darkroom.autoscaling.alarms import evaluate_alarm
from darkroom.autoscaling.metric_math import MetricMathError
from darkroom.autoscaling.metric_query import MetricStat, evaluate_query, returned_query
from darkroom.autoscaling.policies import MetricAlarm
from darkroom.autoscaling.series import TimeSeries
from darkroom.sandbox.cloudwatch.alarm_actions import actions_of, is_scaling_policy
from darkroom.sandbox.cloudwatch.alarm_texts import Datapoint, reason, reason_data
from darkroom.sandbox.cloudwatch.backend import SandboxCloudWatchBackend
from darkroom.sandbox.cloudwatch.composite_alarms import evaluate as evaluate_composites
from darkroom.sandbox.moments import datetime_of

EVALUATION_SECONDS = 10.0
_REPEAT_SECONDS = 60


@dataclass(frozen=True)
class PolicyInvocation:
    """An alarm's call on a scaling policy.

    Attributes:
        policy_arn: the action.
        metric: the newest datapoint of the alarm.
        threshold: the alarm's.
    """

    policy_arn: str
    alarm_name: str
    alarm_state: str
    metric: float
    threshold: float


def tick(moment: float) -> None:
    """Evaluate the alarms that are due at ``moment``, a multiple of 10 seconds.

    All states are settled before any policy is invoked, so that policies that are invoked in the
    same minute are decided on together.
    """
    for account_id, region, backend in list(cloudwatch_backends.iter_backends()):
        if isinstance(backend, SandboxCloudWatchBackend):
            invocations = [
                call
                for alarm, definition in _due(backend, moment)
                for call in _evaluate(backend, alarm, definition, moment)
            ]
            evaluate_composites(backend, moment)
            if invocations:
                scaling: Any = applicationautoscaling_backends[account_id][region]
                scaling.invoke_policies(invocations, moment)


def _due(backend: SandboxCloudWatchBackend, moment: float) -> Iterator[tuple[Alarm, MetricAlarm]]:
    for alarm in list(backend.alarms.values()):
        definition = backend.definitions.get(alarm.name)
        if definition is not None and moment % definition.rule.evaluation_interval == 0:
            yield alarm, definition


def _evaluate(
    backend: SandboxCloudWatchBackend, alarm: Alarm, definition: MetricAlarm, moment: float
) -> Iterator[PolicyInvocation]:
    """Bring one alarm's state up to date; give the policies that it invokes now."""
    try:
        datapoints = read_datapoints(backend, definition, moment)
    except MetricMathError as error:
        # AWS: EvaluationState EVALUATION_ERROR, the alarm's state stays.
        alarm.state_reason = f"Evaluation error: {error}"
        return
    before: Any = alarm.state_value
    after = evaluate_alarm(definition.rule, [value for _, value in datapoints], before)
    if after != before:
        data = reason_data(definition, datapoints, datetime_of(moment))
        backend.transition(alarm, after, reason(definition, datapoints, before, after), data)
    if after != before or moment % _REPEAT_SECONDS == 0:
        yield from policy_invocations(alarm, definition, datapoints)


def read_datapoints(
    backend: SandboxCloudWatchBackend, definition: MetricAlarm, moment: float
) -> list[Datapoint]:
    """The datapoints of the alarm's evaluation range at ``moment``, oldest first."""
    starts = definition.rule.window_starts(moment)

    def fetch(stat: MetricStat) -> TimeSeries:
        return backend.store.series(stat, starts[0], len(starts))

    wanted = returned_query(definition.queries).id
    series = evaluate_query(wanted, definition.queries, fetch)
    return list(zip(starts, series.values, strict=True))


def policy_invocations(
    alarm: Alarm, definition: MetricAlarm, datapoints: list[Datapoint]
) -> Iterator[PolicyInvocation]:
    """The scaling policies that the alarm invokes in its present state.

    Without a datapoint there is nothing to scale by: "if the metric is missing data points [...]
    Application Auto Scaling cannot scale".
    """
    latest = next((value for _, value in reversed(datapoints) if value is not None), None)
    if latest is None:
        return
    for action in actions_of(alarm):
        if is_scaling_policy(action):
            yield PolicyInvocation(action, alarm.name, alarm.state_value, latest, definition.rule.threshold)
