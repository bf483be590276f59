"""moto's CloudWatch backend, with an efficient metric store, metric math and a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterValue, ResourceNotFound, ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend, MetricDatumBase
from moto.cloudwatch.urls import url_bases

from darkroom.autoscaling.alarms import AlarmState
from darkroom.autoscaling.metric_query import metric_stat
from darkroom.autoscaling.policies import MetricAlarm
from darkroom.autoscaling.properties import read_metric_alarm
from darkroom.sandbox.clock import Clock
from darkroom.sandbox.cloudwatch.alarm_actions import actions_of, is_scaling_policy, notify
from darkroom.sandbox.cloudwatch.alarm_history import AlarmHistory
from darkroom.sandbox.cloudwatch.composite_alarms import CompositeAlarm
from darkroom.sandbox.cloudwatch.metric_store import MetricKey, MetricStore
from darkroom.sandbox.cloudwatch.queries import get_metric_data, get_metric_statistics
from darkroom.sandbox.cloudwatch.responses import SandboxCloudWatchResponse
from darkroom.sandbox.context import current
from darkroom.sandbox.moments import datetime_of, seconds_of


class SandboxCloudWatchBackend(CloudWatchBackend):
    """One account's CloudWatch in one region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.store = MetricStore()
        self.definitions: dict[str, MetricAlarm] = {}
        self.history = AlarmHistory()

    @property
    def clock(self) -> Clock:
        """The sandbox's clock."""
        return current().clock

    @property
    def _url_module(self) -> Any:
        """moto looks for a urls module beside the backend's; this is ours."""
        return SimpleNamespace(url_bases=url_bases, url_paths={"{0}/$": SandboxCloudWatchResponse.dispatch})

    def put_metric_data(self, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        """Add datapoints; one without a timestamp is of now, by the sandbox's clock."""
        for number, datum in enumerate(metric_data, 1):
            self._validate_parameters_put_metric_data(datum, number)
            if not any(form in datum for form in ("Value", "Values", "StatisticValues")):
                raise InvalidParameterValue(
                    f"MetricData.member.{number} needs one of Value, Values and StatisticValues."
                )
        for datum in metric_data:
            timestamp = datum.get("Timestamp")
            self.store.put(namespace, datum, self.clock.now() if timestamp is None else seconds_of(timestamp))

    def get_all_metrics(self) -> list[MetricDatumBase]:
        """Every metric there is, as moto's ListMetrics wants it."""
        own = [
            MetricDatumBase(
                key.namespace,
                key.name,
                [{"Name": name, "Value": value} for name, value in key.dimensions],
                None,
            )
            for key in self.store.keys()  # noqa: SIM118  a store, not a dict
        ]
        return own + self.aws_metric_data

    def get_metric_data(
        self,
        queries: list[dict[str, Any]],
        start_time: datetime,
        end_time: datetime,
        scan_by: str = "TimestampAscending",
    ) -> list[dict[str, Any]]:
        """MetricDataResults, with metric math."""
        start, end = seconds_of(start_time), seconds_of(end_time)
        if start >= end:
            raise ValidationError("The parameter StartTime must be less than the parameter EndTime.")
        try:
            return get_metric_data(self.store, queries, start, end, scan_by)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def get_statistics(
        self, request: Mapping[str, Any], statistics: Sequence[str], extended: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Datapoints of GetMetricStatistics, in no order that AWS promises (here: by time)."""
        start, end = seconds_of(request["StartTime"]), seconds_of(request["EndTime"])
        if start >= end:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        names = [*statistics, *extended]
        try:
            stat = metric_stat(
                request["Namespace"],
                request["MetricName"],
                request.get("Dimensions"),
                names[0],
                request["Period"],
                request.get("Unit"),
            )
            datapoints = get_metric_statistics(self.store, stat, names, start, end)
        except ValueError as error:
            raise InvalidParameterValue(str(error)) from error
        unit = stat.unit or self.store.unit(MetricKey(stat.namespace, stat.name, stat.dimensions))
        return [
            {
                "Timestamp": datetime_of(moment),
                "Unit": unit,
                **{name: values[name] for name in statistics if name in values},
                **(
                    {"ExtendedStatistics": {n: values[n] for n in extended if n in values}}
                    if extended
                    else {}
                ),
            }
            for moment, values in datapoints
        ]

    def put_metric_alarm(self, name: str, *args: Any, **kwargs: Any) -> Alarm:
        """Create or replace a metric alarm.

        "When you create an alarm, the alarm state is immediately set to INSUFFICIENT_DATA [...] When
        you update an existing alarm, its state is left unchanged" (PutMetricAlarm reference).
        """
        previous = self.alarms.get(name)
        alarm = super().put_metric_alarm(name, *args, **kwargs)
        try:
            self.definitions[name] = definition_of(alarm)
        except ValueError as error:
            self._put_back(name, previous)
            raise ValidationError(str(error)) from error
        now = self.clock.now_datetime()
        alarm.configuration_updated_timestamp = now
        alarm.state_value = previous.state_value if previous else "INSUFFICIENT_DATA"
        alarm.state_reason = previous.state_reason if previous else alarm.state_reason
        alarm.state_reason_data = previous.state_reason_data if previous else alarm.state_reason_data
        alarm.state_updated_timestamp = previous.state_updated_timestamp if previous else now
        self.history.configured(name, "updated" if previous else "created", now)
        return alarm

    def put_composite_alarm(self, name: str, given: Mapping[str, Any]) -> CompositeAlarm:
        """Create or replace a composite alarm; the alarms that it names must be there."""
        previous = self.alarms.get(name)
        if previous is not None and not isinstance(previous, CompositeAlarm):
            raise ValidationError(f"There is a metric alarm of the name {name}.")
        try:
            alarm = CompositeAlarm(self.account_id, self.region_name, name, given)
        except ValueError as error:
            raise ValidationError(f"AlarmRule: {error}.") from error
        missing = [one for one in alarm.required() if one not in self.alarms]
        if missing or name in alarm.required():
            raise ValidationError(f"Alarms that {name} can't depend on: {', '.join(missing or [name])}.")
        now = self.clock.now_datetime()
        alarm.configuration_updated_timestamp = alarm.state_updated_timestamp = now
        if previous is not None:
            alarm.state_value, alarm.told = previous.state_value, previous.told
            alarm.state_reason, alarm.entered_at = previous.state_reason, previous.entered_at
            alarm.state_updated_timestamp = previous.state_updated_timestamp
        self.alarms[name] = alarm
        if given.get("Tags"):
            self.tagger.tag_resource(alarm.alarm_arn, given["Tags"])
        self.history.configured(name, "updated" if previous else "created", now)
        return alarm

    def _put_back(self, name: str, previous: Alarm | None) -> None:
        if previous is None:
            del self.alarms[name]
        else:
            self.alarms[name] = previous

    def delete_alarms(self, alarm_names: list[str]) -> None:
        """Delete alarms; "if you specify an incorrect alarm name [...] no alarms are deleted"."""
        missing = [name for name in alarm_names if name not in self.alarms]
        if missing:
            raise ResourceNotFound(f"Unknown alarm: {', '.join(missing)}")
        super().delete_alarms(alarm_names)

        for name in alarm_names:
            self.definitions.pop(name, None)  # a composite alarm has none
            self.history.configured(name, "deleted", self.clock.now_datetime())

    def set_alarm_state(self, alarm_name: str, reason: str, reason_data: str, state_value: str) -> None:
        """SetAlarmState: sends the state's notifications, and lasts until the next evaluation.

        Scaling policies go by datapoints: a state that was only set does not invoke them.
        """
        alarm = self.alarms.get(alarm_name)
        before = alarm.state_value if alarm is not None else ""
        super().set_alarm_state(alarm_name, reason, reason_data, state_value)
        if alarm is not None and state_value != before:
            self.entered(alarm, before)

    def transition(self, alarm: Alarm, state: AlarmState, reason: str, reason_data: str) -> None:
        """Put ``alarm`` into ``state`` and send its notifications."""
        before = alarm.state_value
        alarm.state_value, alarm.state_reason, alarm.state_reason_data = state, reason, reason_data
        self.entered(alarm, before)

    def entered(self, alarm: Alarm, before: str) -> None:
        """Record that ``alarm`` has left the state ``before``, and send the notifications."""
        self.record_state(alarm, before)
        if isinstance(alarm, CompositeAlarm):
            alarm.entered_at = self.clock.now()  # its actions are taken at the next evaluation
        else:
            self.act(alarm, before)

    def record_state(self, alarm: Alarm, before: str) -> None:
        """Record that ``alarm`` has left the state ``before``."""
        now = self.clock.now_datetime()
        alarm.state_updated_timestamp = now
        self.history.changed(alarm.name, before, alarm.state_value, alarm.state_reason, now)

    def act(self, alarm: Alarm, before: str) -> None:
        """Send the notifications of the state that ``alarm`` is in."""
        now = self.clock.now_datetime()
        for action in actions_of(alarm):
            if not is_scaling_policy(action):
                self.history.acted(alarm.name, action, notify(alarm, action, self.account_id, before), now)


def definition_of(alarm: Alarm) -> MetricAlarm:
    """What moto's alarm says, read by the rules that the planner uses too.

    Raises:
        ValueError: it contradicts itself or can't be evaluated.
    """
    return read_metric_alarm(
        alarm.name,
        {
            "Namespace": alarm.namespace,
            "MetricName": alarm.metric_name,
            "Dimensions": [_dimension(dimension) for dimension in alarm.dimensions],
            "Statistic": alarm.statistic,
            "ExtendedStatistic": alarm.extended_statistic,
            "Period": alarm.period,
            "Unit": alarm.unit,
            "Metrics": [_query(query) for query in alarm.metric_data_queries],
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": alarm.threshold,
            "EvaluationPeriods": alarm.evaluation_periods,
            "DatapointsToAlarm": alarm.datapoints_to_alarm,
            "TreatMissingData": alarm.treat_missing_data,
            "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile,
            "ThresholdMetricId": alarm.threshold_metric_id,
            "AlarmActions": alarm.alarm_actions,
            "OKActions": alarm.ok_actions,
            "InsufficientDataActions": alarm.insufficient_data_actions,
        },
    )


def _query(query: Any) -> dict[str, Any]:
    stat = query.metric_stat
    return {
        "Id": query.id,
        "Label": query.label,
        "ReturnData": query.return_data,
        "Expression": query.expression,
        "MetricStat": stat
        and {
            "Metric": {
                "Namespace": stat.metric.namespace,
                "MetricName": stat.metric.metric_name,
                "Dimensions": [_dimension(dimension) for dimension in stat.metric.dimensions],
            },
            "Period": stat.period,
            "Stat": stat.stat,
            "Unit": stat.unit,
        },
    }


def _dimension(dimension: Any) -> dict[str, str]:
    return {"Name": dimension.name, "Value": dimension.value}
