"""The two CloudWatch alarms that a target tracking policy makes for itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.cloudwatch.models import Alarm, Dimension, Metric, MetricDataQuery, MetricStat, cloudwatch_backends
from moto.moto_api._internal import mock_random

from darkroom.autoscaling import metric_query
from darkroom.autoscaling.alarms import AlarmRule
from darkroom.autoscaling.policies import TargetTrackingPolicy
from darkroom.autoscaling.statistics import SIMPLE_STATISTICS
from darkroom.autoscaling.target_tracking import high_alarm, low_alarm

_LOW = "-AlarmLow-"


def is_low_alarm(alarm_name: str) -> bool:
    """Whether a target tracking alarm is the one that scales in."""
    return _LOW in alarm_name


def make_alarms(
    policy: TargetTrackingPolicy, policy_arn: str, resource_id: str, account_id: str, region: str
) -> list[Alarm]:
    """Make the alarms of ``policy``, named and described as AWS does.

    With scale-in disabled AWS makes the low alarm all the same; the policy takes no action on it.
    """
    sides: list[tuple[str, AlarmRule]] = [("-AlarmHigh-", high_alarm(policy)), (_LOW, low_alarm(policy))]
    action = f"{policy_arn}:createdBy/{mock_random.uuid4()}"
    return [
        cloudwatch_backends[account_id][region].put_metric_alarm(
            name=f"TargetTracking-{resource_id}{side}{mock_random.uuid4()}",
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
            comparison_operator=rule.comparison,
            evaluation_periods=rule.evaluation_periods,
            threshold=rule.threshold,
            alarm_actions=[action],
            **_metric(policy),
        )
        for side, rule in sides
    ]


def delete_alarms(alarms: Iterable[Alarm], account_id: str, region: str) -> None:
    """Delete a policy's own alarms; the user may have deleted some of them already."""
    cloudwatch = cloudwatch_backends[account_id][region]
    cloudwatch.delete_alarms([alarm.name for alarm in alarms if alarm.name in cloudwatch.alarms])


def _metric(policy: TargetTrackingPolicy) -> dict[str, Any]:
    """PutMetricAlarm's parameters for what the policy tracks."""
    first = policy.queries[0]
    none: dict[str, Any] = {
        "namespace": None,
        "metric_name": None,
        "period": None,
        "statistic": None,
        "dimensions": [],
    }
    if len(policy.queries) > 1 or first.stat is None:
        return {**none, "metric_data_queries": [_query(query) for query in policy.queries]}
    stat = first.stat
    return {
        "namespace": stat.namespace,
        "metric_name": stat.name,
        "period": stat.period,
        "statistic": stat.stat if stat.stat in SIMPLE_STATISTICS else None,
        "extended_statistic": None if stat.stat in SIMPLE_STATISTICS else stat.stat,
        "dimensions": [{"Name": name, "Value": value} for name, value in stat.dimensions],
        "unit": stat.unit,
    }


def _query(query: metric_query.MetricQuery) -> MetricDataQuery:
    """moto's shape, whose optional fields are not typed as such."""
    fields: dict[str, Any] = {
        "query_id": query.id,
        "label": query.label,
        "period": None,
        "return_data": query.return_data,
        "expression": query.expression,
        "metric_stat": query.stat and _metric_stat(query.stat),
    }
    return MetricDataQuery(**fields)


def _metric_stat(stat: metric_query.MetricStat) -> MetricStat:
    dimensions = [Dimension(name, value) for name, value in stat.dimensions]
    fields: dict[str, Any] = {
        "metric": Metric(stat.name, stat.namespace, dimensions),
        "period": stat.period,
        "stat": stat.stat,
        "unit": stat.unit,
    }
    return MetricStat(**fields)
