"""What a campaign costs though nobody asks it anything: counted in the templates of its stacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

HOURS_A_MONTH = 730.0
"""AWS's own figure for a month in its price calculator."""

Template = Mapping[str, Any]


def fixed_units(templates: Iterable[Template]) -> Counter[str]:
    """Units that are billed by the month, by their name in the price file.

    Target tracking's own two alarms are in no template; each metric of an alarm on metric math is billed
    (CloudWatch pricing, "Alarms").
    """
    units: Counter[str] = Counter()
    for template in templates:
        for resource in template.get("Resources", {}).values():
            units.update(_units_of(resource["Type"], resource.get("Properties", {})))
    return units


def _units_of(resource_type: str, properties: Mapping[str, Any]) -> Counter[str]:
    match resource_type:
        case "AWS::CloudWatch::Alarm":
            return _alarm(properties)
        case "AWS::CloudWatch::CompositeAlarm":
            return Counter(composite_alarm_month=1)
        case "AWS::CloudWatch::Dashboard":
            return Counter(dashboard_month=1)
        case "AWS::KMS::Key":
            return Counter(key_month=1)
        case "AWS::WAFv2::WebACL":
            return Counter(web_acl_month=1, web_acl_rule_month=len(properties.get("Rules", [])))
        case "AWS::EC2::VPCEndpoint" if properties.get("VpcEndpointType") == "Interface":
            return Counter(interface_endpoint_hour=len(properties.get("SubnetIds", [])) or 1)
        case "AWS::ApplicationAutoScaling::ScalingPolicy":
            return _tracking_alarms(properties)
    return Counter()


def _alarm(properties: Mapping[str, Any]) -> Counter[str]:
    stats = [one["MetricStat"] for one in properties.get("Metrics", []) if "MetricStat" in one]
    periods = [stat["Period"] for stat in stats] or [properties.get("Period", 60)]
    is_fast = min(map(int, periods)) < 60
    unit = "high_resolution_alarm_metric_month" if is_fast else "alarm_metric_month"
    return Counter({unit: len(periods)})


def _tracking_alarms(properties: Mapping[str, Any]) -> Counter[str]:
    tracking = properties.get("TargetTrackingScalingPolicyConfiguration")
    if tracking is None:
        return Counter()
    metrics = tracking.get("CustomizedMetricSpecification", {}).get("Metrics", [])
    return Counter(alarm_metric_month=2 * max(1, sum("MetricStat" in one for one in metrics)))
