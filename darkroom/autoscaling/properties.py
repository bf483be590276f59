"""Scaling resources read from their properties, as CloudFormation and the AWS APIs both write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from darkroom.autoscaling.alarms import AlarmRule, Comparison, MissingData
from darkroom.autoscaling.metric_query import (
    MetricQuery,
    common_period,
    metric_query,
    metric_stat,
    returned_query,
)
from darkroom.autoscaling.policies import (
    AdjustmentType,
    MetricAlarm,
    ScalingPolicy,
    ScheduledAction,
    StepAdjustment,
    StepScalingPolicy,
    TargetTrackingPolicy,
)
from darkroom.autoscaling.schedule import check_schedule
from darkroom.autoscaling.step_scaling import check_steps

Properties = Mapping[str, Any]

TARGET_TRACKING_PERIOD = 60
"""TargetTrackingMetricStat has no Period: 60 s is used (CustomizedMetricSpecification reference)."""

MOST_METRICS_OF_AN_ALARM = 10
"""User Guide, "Alarms on math expressions": "as many as 10 metrics"."""

# Predefined metrics of SageMaker variants: name to (namespace, metric, statistic). From the
# PredefinedMetricSpecification reference and "Monitor SageMaker AI with CloudWatch".
_PREDEFINED = {"SageMakerVariantInvocationsPerInstance": ("AWS/SageMaker", "InvocationsPerInstance", "Sum")}


class UnsupportedPropertyError(ValueError):
    """A property that AWS knows and this code can't play."""


def is_true(value: object) -> bool:
    """A boolean property, which CloudFormation may hand over as a string."""
    return str(value).lower() == "true"


def read_metric_alarm(name: str, properties: Properties) -> MetricAlarm:
    """An AWS::CloudWatch::Alarm, or the parameters of PutMetricAlarm.

    Raises:
        ValueError: a property is missing, contradicts another, or can't be played.
    """
    try:
        return _read_metric_alarm(name, properties)
    except (ValueError, KeyError) as error:
        raise _located(f"the alarm {name!r}", error) from error


def _read_metric_alarm(name: str, properties: Properties) -> MetricAlarm:
    if properties.get("ThresholdMetricId"):
        raise UnsupportedPropertyError("ThresholdMetricId (anomaly detection) can't be played; use Threshold")
    if properties.get("EvaluateLowSampleCountPercentile") == "ignore":
        raise UnsupportedPropertyError(
            "EvaluateLowSampleCountPercentile 'ignore' can't be played; leave it out"
        )
    queries = _alarm_queries(properties)
    periods = int(properties["EvaluationPeriods"])
    rule = AlarmRule(
        comparison=_one_of(Comparison, "ComparisonOperator", properties["ComparisonOperator"]),
        threshold=float(properties["Threshold"]),
        evaluation_periods=periods,
        datapoints_to_alarm=int(properties.get("DatapointsToAlarm") or periods),
        period=common_period(queries),
        treat_missing_data=_one_of(
            MissingData, "TreatMissingData", properties.get("TreatMissingData") or "missing"
        ),
    )
    return MetricAlarm(
        name=name,
        rule=rule,
        queries=queries,
        alarm_actions=tuple(properties.get("AlarmActions") or ()),
        ok_actions=tuple(properties.get("OKActions") or ()),
        insufficient_data_actions=tuple(properties.get("InsufficientDataActions") or ()),
    )


def _alarm_queries(properties: Properties) -> tuple[MetricQuery, ...]:
    metrics, name = properties.get("Metrics"), properties.get("MetricName")
    if bool(metrics) == bool(name):
        raise ValueError("give either Metrics or MetricName, not both and not neither")
    if metrics:
        queries = tuple(metric_query(entry) for entry in metrics)
        if sum(query.stat is not None for query in queries) > MOST_METRICS_OF_AN_ALARM:
            raise ValueError(f"an alarm on metric math takes at most {MOST_METRICS_OF_AN_ALARM} metrics")
        returned_query(queries)
        return queries
    stat = metric_stat(
        properties["Namespace"],
        str(name),
        properties.get("Dimensions"),
        properties.get("Statistic") or properties.get("ExtendedStatistic") or "Average",
        properties["Period"],
        properties.get("Unit"),
    )
    return (MetricQuery("m1", stat),)


def read_scaling_policy(name: str, properties: Properties, resource_id: str) -> ScalingPolicy:
    """An AWS::ApplicationAutoScaling::ScalingPolicy, or the parameters of PutScalingPolicy.

    Args:
        resource_id: what is scaled, ``endpoint/NAME/variant/VARIANT``; predefined metrics take their
            dimensions from it.

    Raises:
        ValueError: a property is missing, contradicts another, or can't be played.
    """
    try:
        match properties.get("PolicyType"):
            case "TargetTrackingScaling":
                configuration = properties["TargetTrackingScalingPolicyConfiguration"]
                return _read_target_tracking(name, configuration, resource_id)
            case "StepScaling":
                return _read_step_scaling(name, properties["StepScalingPolicyConfiguration"])
            case other:
                raise UnsupportedPropertyError(
                    f"PolicyType {other!r} can't be played: use TargetTrackingScaling or StepScaling"
                )
    except (ValueError, KeyError) as error:
        raise _located(f"the scaling policy {name!r}", error) from error


def _read_target_tracking(name: str, configuration: Properties, resource_id: str) -> TargetTrackingPolicy:
    custom = configuration.get("CustomizedMetricSpecification")
    predefined = configuration.get("PredefinedMetricSpecification")
    if bool(custom) == bool(predefined):
        raise ValueError("give either CustomizedMetricSpecification or PredefinedMetricSpecification")
    queries = _customized(custom) if custom else _predefined(predefined or {}, resource_id)
    returned_query(queries)
    target = float(configuration["TargetValue"])
    if target <= 0:
        raise ValueError(f"TargetValue is {target}: it must be above 0")
    return TargetTrackingPolicy(
        name=name,
        target=target,
        queries=queries,
        scale_out_cooldown=_seconds(configuration, "ScaleOutCooldown"),
        scale_in_cooldown=_seconds(configuration, "ScaleInCooldown"),
        disable_scale_in=is_true(configuration.get("DisableScaleIn")),
    )


def _customized(specification: Properties) -> tuple[MetricQuery, ...]:
    if specification.get("Metrics"):
        return tuple(metric_query(entry, TARGET_TRACKING_PERIOD) for entry in specification["Metrics"])
    stat = metric_stat(
        specification["Namespace"],
        specification["MetricName"],
        specification.get("Dimensions"),
        specification["Statistic"],
        TARGET_TRACKING_PERIOD,
        specification.get("Unit"),
    )
    return (MetricQuery("m1", stat),)


def _predefined(specification: Properties, resource_id: str) -> tuple[MetricQuery, ...]:
    kind = specification["PredefinedMetricType"]
    if kind not in _PREDEFINED:
        raise UnsupportedPropertyError(
            f"PredefinedMetricType {kind!r} can't be played: "
            f"use {', '.join(_PREDEFINED)} or a customized metric"
        )
    namespace, metric, statistic = _PREDEFINED[kind]
    _, endpoint, _, variant = resource_id.split("/")
    dimensions = (
        {"Name": "EndpointName", "Value": endpoint},
        {"Name": "VariantName", "Value": variant},
    )
    return (MetricQuery("m1", metric_stat(namespace, metric, dimensions, statistic, TARGET_TRACKING_PERIOD)),)


def _read_step_scaling(name: str, configuration: Properties) -> StepScalingPolicy:
    policy = StepScalingPolicy(
        name=name,
        adjustment_type=_one_of(AdjustmentType, "AdjustmentType", configuration["AdjustmentType"]),
        steps=tuple(_read_step(step) for step in configuration.get("StepAdjustments") or ()),
        cooldown=_seconds(configuration, "Cooldown"),
        minimum_adjustment=_whole(configuration, "MinAdjustmentMagnitude"),
    )
    check_steps(policy)
    return policy


def _read_step(step: Properties) -> StepAdjustment:
    lower, upper = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
    return StepAdjustment(
        adjustment=int(step["ScalingAdjustment"]),
        lower=None if lower is None else float(lower),
        upper=None if upper is None else float(upper),
    )


def read_scheduled_action(properties: Properties) -> ScheduledAction:
    """A ScheduledAction of a scalable target, or the parameters of PutScheduledAction.

    Raises:
        ValueError: the schedule, the time zone or the new limits can't be read.
    """
    name = properties["ScheduledActionName"]
    try:
        action = properties.get("ScalableTargetAction") or {}
        zone = properties.get("Timezone") or "UTC"
        check_schedule(properties["Schedule"], zone)
        scheduled = ScheduledAction(
            name=name,
            schedule=properties["Schedule"],
            time_zone=zone,
            minimum=_whole(action, "MinCapacity"),
            maximum=_whole(action, "MaxCapacity"),
            start=_moment(properties.get("StartTime")),
            end=_moment(properties.get("EndTime")),
        )
        if scheduled.minimum is None and scheduled.maximum is None:
            raise ValueError("ScalableTargetAction needs MinCapacity, MaxCapacity or both")
    except (ValueError, KeyError) as error:
        raise _located(f"the scheduled action {name!r}", error) from error
    return scheduled


def _moment(value: object) -> datetime | None:
    """A timestamp as the APIs carry it: an ISO 8601 text, or seconds since the epoch."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(configuration: Properties, key: str) -> float:
    value = configuration.get(key)
    return 300.0 if value is None else float(value)


def _whole(properties: Properties, key: str) -> int | None:
    value = properties.get(key)
    return None if value is None else int(value)


def _one_of(literal: Any, name: str, value: str) -> Any:
    allowed: Sequence[str] = get_args(literal)
    if value not in allowed:
        raise UnsupportedPropertyError(f"{name} {value!r} can't be played: use {', '.join(allowed)}")
    return value


def _located(where: str, error: Exception) -> ValueError:
    reason = f"the property {error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
    kind = UnsupportedPropertyError if isinstance(error, UnsupportedPropertyError) else ValueError
    return kind(f"{where}: {reason}")
