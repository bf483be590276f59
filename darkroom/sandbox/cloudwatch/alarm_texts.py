"""What CloudWatch writes of an alarm: the reason of a state, its data, and the message to SNS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import botocore.session
from moto.cloudwatch.models import Alarm

from darkroom.autoscaling.alarms import AlarmState
from darkroom.autoscaling.policies import MetricAlarm
from darkroom.sandbox.moments import datetime_of

Datapoint = tuple[float, float | None]
"""When a datapoint starts, in seconds, and its value; None where it is missing."""

_COMPARISON_WORDS = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
_TREATMENT_WORDS = {"breaching": "Breaching", "notBreaching": "NonBreaching"}
_MOST_LISTED = 5


def reason(
    definition: MetricAlarm, datapoints: Sequence[Datapoint], before: AlarmState, after: AlarmState
) -> str:
    """StateReason, in CloudWatch's words."""
    rule = definition.rule
    missing = sum(value is None for _, value in datapoints)
    if after == "INSUFFICIENT_DATA":
        was = "datapoint was" if missing == 1 else "datapoints were"
        return f"Insufficient Data: {missing} {was} unknown."
    if missing == len(datapoints):
        treated = _TREATMENT_WORDS.get(rule.treat_missing_data, rule.treat_missing_data)
        return (
            f"Threshold Crossed: no datapoints were received for {rule.evaluation_periods} periods and "
            f"{rule.evaluation_periods} missing datapoints were treated as [{treated}]."
        )
    evaluated = [(moment, value) for moment, value in datapoints if value is not None]
    evaluated = evaluated[-rule.evaluation_periods :]
    telling = [point for point in evaluated if rule.breaches(point[1]) == (after == "ALARM")]
    words = ("" if after == "ALARM" else "not ") + _COMPARISON_WORDS[rule.comparison]
    was = "was" if len(telling) == 1 else "were"
    listed = ", ".join(
        f"{value} ({datetime_of(moment):%d/%m/%y %H:%M:%S})"
        for moment, value in telling[-_MOST_LISTED:][::-1]
    )
    needed = (
        rule.datapoints_to_alarm
        if after == "ALARM"
        else rule.evaluation_periods - rule.datapoints_to_alarm + 1
    )
    return (
        f"Threshold Crossed: {len(telling)} out of the last {len(evaluated)} datapoints [{listed}] "
        f"{was} {words} the threshold ({rule.threshold}) "
        f"(minimum {needed} datapoint{'s' if needed > 1 else ''} for {before} -> {after} transition)."
    )


def reason_data(definition: MetricAlarm, datapoints: Sequence[Datapoint], now: datetime) -> str:
    """StateReasonData, as JSON."""
    existing = [(moment, value) for moment, value in datapoints if value is not None]
    return json.dumps(
        {
            "version": "1.0",
            "queryDate": timestamp(now),
            "startDate": timestamp(datetime_of(datapoints[0][0])),
            "period": definition.rule.period,
            "recentDatapoints": [value for _, value in existing],
            "threshold": definition.rule.threshold,
            "evaluatedDatapoints": [
                {"timestamp": timestamp(datetime_of(moment)), "value": value}
                for moment, value in reversed(existing)
            ],
        }
    )


def timestamp(moment: datetime) -> str:
    """A time as CloudWatch writes it in alarm messages: ``2022-10-18T20:15:10.941+0000``."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


@lru_cache
def region_name(region: str) -> str:
    """A region's long name, such as US West (Oregon)."""
    for partition in botocore.session.get_session().get_data("endpoints")["partitions"]:
        if region in partition["regions"]:
            return str(partition["regions"][region]["description"])
    return region


def sns_subject(alarm: Alarm) -> str:
    """The subject of the message to SNS."""
    return f'{alarm.state_value}: "{alarm.name}" in {region_name(alarm.region_name)}'[:100]


def sns_message(alarm: Alarm, account_id: str, before: str) -> str:
    """The message to SNS, as JSON ("Amazon SNS message" of an alarm's state change)."""
    return json.dumps(
        {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description or None,
            "AWSAccountId": account_id,
            "AlarmConfigurationUpdatedTimestamp": timestamp(alarm.configuration_updated_timestamp),
            "NewStateValue": alarm.state_value,
            "NewStateReason": alarm.state_reason,
            "StateChangeTime": timestamp(alarm.state_updated_timestamp),
            "Region": region_name(alarm.region_name),
            "AlarmArn": alarm.alarm_arn,
            "OldStateValue": before,
            "OKActions": alarm.ok_actions,
            "AlarmActions": alarm.alarm_actions,
            "InsufficientDataActions": alarm.insufficient_data_actions,
            **_cause(alarm),
        }
    )


def _cause(alarm: Alarm) -> dict[str, Any]:
    """What the alarm goes by: its metric, or a composite alarm's rule."""
    return {"AlarmRule": alarm.rule} if alarm.rule is not None else {"Trigger": _trigger(alarm)}


def _trigger(alarm: Alarm) -> dict[str, Any]:
    common = {
        "Period": alarm.period,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm or alarm.evaluation_periods,
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": alarm.threshold,
        "TreatMissingData": alarm.treat_missing_data or "missing",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }
    if alarm.metric_data_queries:
        return {**common, "Metrics": [_query(query) for query in alarm.metric_data_queries]}
    statistic = (
        {"StatisticType": "Statistic", "Statistic": alarm.statistic.upper()}
        if alarm.statistic
        else {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": alarm.extended_statistic}
    )
    return {
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        **statistic,
        "Unit": alarm.unit,
        "Dimensions": _dimensions(alarm.dimensions),
        **common,
    }


def _query(query: Any) -> dict[str, Any]:
    returns = query.return_data is None or str(query.return_data).lower() == "true"
    written: dict[str, Any] = {"Id": query.id, "Label": query.label, "ReturnData": returns}
    if query.expression is not None:
        return {**written, "Expression": query.expression}
    stat = query.metric_stat
    return {
        **written,
        "MetricStat": {
            "Metric": {
                "Namespace": stat.metric.namespace,
                "MetricName": stat.metric.metric_name,
                "Dimensions": _dimensions(stat.metric.dimensions),
            },
            "Period": int(stat.period),
            "Stat": stat.stat,
        },
    }


def _dimensions(dimensions: Sequence[Any]) -> list[dict[str, str]]:
    return [{"value": dimension.value, "name": dimension.name} for dimension in dimensions]
