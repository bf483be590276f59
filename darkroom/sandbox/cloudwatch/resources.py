"""CloudFormation's AWS::CloudWatch::Alarm and AWS::CloudWatch::CompositeAlarm."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler

_NUMBERS = {"EvaluationPeriods": int, "DatapointsToAlarm": int, "Period": int, "Threshold": float}


class _Alarm(ResourceHandler):
    """An alarm of either kind: put under its name whenever it changes."""

    def create(self, request: HandlerRequest) -> Resource:
        return self._put(request, request.properties.get("AlarmName") or request.default_name(255))

    def update(self, request: HandlerRequest) -> Resource:
        return self._put(request, request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("cloudwatch").delete_alarms(AlarmNames=[request.physical_id])

    @abstractmethod
    def _put(self, request: HandlerRequest, name: str) -> Resource: ...


class AlarmHandler(_Alarm):
    """An alarm on a metric or on metric math. ``Ref`` is its name."""

    type_name = "AWS::CloudWatch::Alarm"
    properties = frozenset(
        {
            "ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator",
            "DatapointsToAlarm", "Dimensions", "EvaluateLowSampleCountPercentile", "EvaluationPeriods",
            "ExtendedStatistic", "InsufficientDataActions", "MetricName", "Metrics", "Namespace", "OKActions",
            "Period", "Statistic", "Tags", "Threshold", "TreatMissingData", "Unit",
        }
    )  # fmt: skip

    def _put(self, request: HandlerRequest, name: str) -> Resource:
        client = request.client("cloudwatch")
        client.put_metric_alarm(**{**_parameters(request.properties), "AlarmName": name})
        arn = client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
        return Resource(name, {"Arn": arn})


class CompositeAlarmHandler(_Alarm):
    """An alarm on other alarms' states. ``Ref`` is its name."""

    type_name = "AWS::CloudWatch::CompositeAlarm"
    properties = frozenset(
        {
            "ActionsEnabled", "ActionsSuppressor", "ActionsSuppressorExtensionPeriod",
            "ActionsSuppressorWaitPeriod", "AlarmActions", "AlarmDescription", "AlarmName", "AlarmRule",
            "InsufficientDataActions", "OKActions", "Tags",
        }
    )  # fmt: skip

    def _put(self, request: HandlerRequest, name: str) -> Resource:
        client = request.client("cloudwatch")
        given = dict(request.properties)
        for period in ("ActionsSuppressorExtensionPeriod", "ActionsSuppressorWaitPeriod"):
            if period in given:
                given[period] = int(given[period])
        if "ActionsEnabled" in given:
            given["ActionsEnabled"] = str(given["ActionsEnabled"]).lower() == "true"
        client.put_composite_alarm(**{**given, "AlarmName": name})
        found = client.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
        return Resource(name, {"Arn": found["CompositeAlarms"][0]["AlarmArn"]})


def _parameters(properties: Any) -> dict[str, Any]:
    """PutMetricAlarm's parameters: CloudFormation hands numbers and booleans over as strings at will."""
    parameters = dict(properties)
    for name, kind in _NUMBERS.items():
        if name in parameters:
            parameters[name] = kind(parameters[name])
    if "ActionsEnabled" in parameters:
        parameters["ActionsEnabled"] = str(parameters["ActionsEnabled"]).lower() == "true"
    if "Metrics" in parameters:
        parameters["Metrics"] = [_query(query) for query in parameters["Metrics"]]
    return parameters


def _query(properties: Any) -> dict[str, Any]:
    query = dict(properties)
    if "ReturnData" in query:
        query["ReturnData"] = str(query["ReturnData"]).lower() == "true"
    if "MetricStat" in query:
        query["MetricStat"] = {**query["MetricStat"], "Period": int(query["MetricStat"]["Period"])}
    return query
