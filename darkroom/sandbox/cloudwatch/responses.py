"""The calls that moto's CloudWatch lacks or answers in part."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination
from moto.cloudwatch.models import cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from darkroom.sandbox.moments import datetime_of, seconds_of

_PAGE = 100


class SandboxCloudWatchResponse(CloudWatchResponse):
    """CloudWatch's API."""

    @property
    def _sandbox_backend(self) -> Any:
        return cloudwatch_backends[self.current_account][self.region]

    def get_metric_statistics(self) -> ActionResult:
        """GetMetricStatistics, with percentiles."""
        statistics = self._get_param("Statistics", [])
        extended = self._get_param("ExtendedStatistics", [])
        if not statistics and not extended:
            raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
        datapoints = self._sandbox_backend.get_statistics(self._get_params(), statistics, extended)
        return ActionResult({"Label": self._get_param("MetricName"), "Datapoints": datapoints})

    def put_composite_alarm(self) -> ActionResult:
        """PutCompositeAlarm."""
        given = self._get_params()
        self._sandbox_backend.put_composite_alarm(given["AlarmName"], given)
        return ActionResult({})

    def describe_alarms(self) -> ActionResult:
        """DescribeAlarms: "If you omit this parameter [AlarmTypes], only metric alarms are returned"."""
        answer = super().describe_alarms()
        result: Any = answer._result
        types = self._get_param("AlarmTypes") or ["MetricAlarm"]
        state = self._get_param("StateValue")
        for kind in ("MetricAlarm", "CompositeAlarm"):
            found = result[f"{kind}s"] if kind in types else []
            result[f"{kind}s"] = [one for one in found if state in (None, one.state_value)]
        return answer

    def describe_alarm_history(self) -> ActionResult:
        """DescribeAlarmHistory, a page at a time."""
        start, end = self._get_param("StartDate"), self._get_param("EndDate")
        items = self._sandbox_backend.history.items(
            name=self._get_param("AlarmName"),
            kind=self._get_param("HistoryItemType"),
            start=None if start is None else datetime_of(seconds_of(start)),
            end=None if end is None else datetime_of(seconds_of(end)),
        )
        if self._get_param("ScanBy") == "TimestampAscending":
            items.reverse()
        first = int(self._get_param("NextToken") or 0)
        last = first + int(self._get_param("MaxRecords") or _PAGE)
        return ActionResult(
            {
                "AlarmHistoryItems": [
                    {
                        "AlarmName": item.alarm_name,
                        "AlarmType": "MetricAlarm",
                        "Timestamp": item.timestamp,
                        "HistoryItemType": item.type,
                        "HistorySummary": item.summary,
                        "HistoryData": item.data,
                    }
                    for item in items[first:last]
                ],
                "NextToken": str(last) if last < len(items) else None,
            }
        )
