"""A construct: scalable target, target tracking, step policies, schedule."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from darkroom.campaign import ResolvedCampaign, ScheduledAction
from stacks.step_rules import StepAlarm, StepRule, out, spare
from stacks.utilization import (
    ENDPOINT_NAMESPACE,
    MetricQuery,
    Utilization,
    invocations_target,
    utilization,
)

ScalingPolicy = autoscaling.CfnScalingPolicy

FROM_ZERO_COOLDOWN = 300
"""Seconds from the first instance to the next one by the same policy: one takes minutes to come."""


class EndpointScaling(Construct):
    """How many instances the endpoint has.

    The mechanisms share one scalable target. A step policy on HasBacklogWithoutCapacity brings the first
    instance. From there, target tracking holds the published utilization; a backlog-aware campaign has two
    step policies in its place, which order the instances that lack and take in those that are spare.
    Scheduled actions move the bounds.

    A realtime endpoint never leaves one instance and has no queue in SageMaker: target tracking on the
    invocations per instance, and the schedule, are all it has.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: ResolvedCampaign,
        endpoint: sagemaker.CfnEndpoint,
        variant: str,
    ) -> None:
        super().__init__(scope, id)
        self._campaign = campaign
        self._scaling = campaign.file.scaling
        target = self._build_target(endpoint, variant)
        if campaign.file.endpoint.mode == "realtime":
            self._build_invocation_tracking(target)
            return
        self._build_from_zero(target)
        if campaign.file.scaling.metric == "backlog-aware":
            self._build_steps(target, "Out", out(campaign, variant=variant))
            self._build_steps(target, "Spare", spare(campaign, variant=variant))
        else:
            self._build_target_tracking(target, utilization(campaign, variant=variant))

    def _build_target(self, endpoint: sagemaker.CfnEndpoint, variant: str) -> autoscaling.CfnScalableTarget:
        target = autoscaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="sagemaker",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            resource_id=f"endpoint/{self._campaign.name}/variant/{variant}",
            min_capacity=self._scaling.min_instances,
            max_capacity=self._scaling.max_instances,
            scheduled_actions=[_scheduled_action(action) for action in self._scaling.schedule] or None,
        )
        # The resource id is only text: say that the endpoint comes first, and goes last (aws/aws-cdk#29626).
        target.node.add_dependency(endpoint)
        return target

    def _build_target_tracking(self, target: autoscaling.CfnScalableTarget, measured: Utilization) -> None:
        ScalingPolicy(
            self,
            "Utilization",
            policy_name=f"{self._campaign.name}-utilization",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=ScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=self._scaling.target_utilization,
                scale_out_cooldown=self._scaling.scale_out_cooldown,
                scale_in_cooldown=self._scaling.scale_in_cooldown,
                disable_scale_in=False,
                customized_metric_specification={"metrics": _metrics(measured)},
            ),
        )

    def _build_invocation_tracking(self, target: autoscaling.CfnScalableTarget) -> None:
        ScalingPolicy(
            self,
            "Invocations",
            policy_name=f"{self._campaign.name}-invocations",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=ScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=invocations_target(self._campaign),
                scale_out_cooldown=self._scaling.scale_out_cooldown,
                scale_in_cooldown=self._scaling.scale_in_cooldown,
                predefined_metric_specification={
                    "predefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
            ),
        )

    def _build_from_zero(self, target: autoscaling.CfnScalableTarget) -> None:
        """One instance when the queue has something and nothing draws it.

        Source: SageMaker developer guide, "Define a scaling policy that scales up from zero" for
        asynchronous endpoints.
        """
        policy = ScalingPolicy(
            self,
            "FromZero",
            policy_name=f"{self._campaign.name}-from-zero",
            policy_type="StepScaling",
            scaling_target_id=target.ref,
            step_scaling_policy_configuration=ScalingPolicy.StepScalingPolicyConfigurationProperty(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Average",
                cooldown=FROM_ZERO_COOLDOWN,
                step_adjustments=[{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}],
            ),
        )
        cloudwatch.CfnAlarm(
            self,
            "BacklogWithoutCapacity",
            alarm_name=f"{self._campaign.name}-from-zero",
            alarm_description="Requests wait and no instance draws them: bring the first one.",
            namespace=ENDPOINT_NAMESPACE,
            metric_name="HasBacklogWithoutCapacity",
            dimensions=[{"name": "EndpointName", "value": self._campaign.name}],
            statistic="Average",
            period=60,
            evaluation_periods=2,
            datapoints_to_alarm=2,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="missing",
            alarm_actions=[policy.ref],
        )

    def _build_steps(self, target: autoscaling.CfnScalableTarget, id: str, rule: StepRule) -> None:
        policy = ScalingPolicy(
            self,
            id,
            policy_name=f"{self._campaign.name}-{rule.name}",
            policy_type="StepScaling",
            scaling_target_id=target.ref,
            step_scaling_policy_configuration=ScalingPolicy.StepScalingPolicyConfigurationProperty(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Average",
                cooldown=rule.cooldown,
                step_adjustments=[
                    ScalingPolicy.StepAdjustmentProperty(
                        scaling_adjustment=step.adjustment,
                        metric_interval_lower_bound=step.lower,
                        metric_interval_upper_bound=step.upper,
                    )
                    for step in rule.steps
                ],
            ),
        )
        for alarm in rule.alarms:
            cloudwatch.CfnAlarm(
                self,
                f"{alarm.name.capitalize()}Alarm",
                alarm_name=f"{self._campaign.name}-{alarm.name}",
                alarm_description=alarm.description,
                metrics=_alarm_metrics(alarm),
                evaluation_periods=alarm.periods,
                datapoints_to_alarm=alarm.periods,
                threshold=alarm.threshold,
                comparison_operator="GreaterThanOrEqualToThreshold",
                treat_missing_data=alarm.missing,
                alarm_actions=[policy.ref],
            )


def _scheduled_action(
    action: ScheduledAction,
) -> autoscaling.CfnScalableTarget.ScheduledActionProperty:
    return autoscaling.CfnScalableTarget.ScheduledActionProperty(
        scheduled_action_name=action.name,
        schedule=action.expression,
        timezone=action.time_zone,
        scalable_target_action={"minCapacity": action.min_instances, "maxCapacity": action.max_instances},
    )


def _metrics(measured: Utilization) -> list[ScalingPolicy.TargetTrackingMetricDataQueryProperty]:
    """The queries of the policy. A target tracking metric has no period: it is always a minute."""
    query = ScalingPolicy.TargetTrackingMetricDataQueryProperty
    metrics = [
        query(
            id=metric.id,
            label=metric.label,
            return_data=False,
            metric_stat={
                "stat": metric.statistic,
                "metric": _metric(metric),
            },
        )
        for metric in measured.metrics
    ]
    expressions = [
        query(id=each.id, label=each.label, expression=each.expression, return_data=each.id == "utilization")
        for each in measured.expressions
    ]
    return metrics + expressions


def _alarm_metrics(alarm: StepAlarm) -> list[cloudwatch.CfnAlarm.MetricDataQueryProperty]:
    """The queries of the alarm, of which the last expression is watched."""
    query = cloudwatch.CfnAlarm.MetricDataQueryProperty
    metrics = [
        query(
            id=metric.id,
            label=metric.label,
            return_data=False,
            metric_stat={"stat": metric.statistic, "period": alarm.period, "metric": _metric(metric)},
        )
        for metric in alarm.metrics
    ]
    watched = alarm.expressions[-1]
    expressions = [
        query(id=each.id, label=each.label, expression=each.expression, return_data=each is watched)
        for each in alarm.expressions
    ]
    return metrics + expressions


def _metric(metric: MetricQuery) -> dict[str, Any]:
    return {
        "namespace": metric.namespace,
        "metricName": metric.name,
        "dimensions": [{"name": name, "value": value} for name, value in metric.dimensions],
    }
