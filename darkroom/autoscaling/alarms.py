"""When a CloudWatch alarm is in ALARM, OK or INSUFFICIENT_DATA.

Sources: Amazon CloudWatch User Guide, "Alarm evaluation" and "Configuring how CloudWatch alarms
treat missing data"
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
MissingData = Literal["missing", "ignore", "breaching", "notBreaching"]
Comparison = Literal[
    "GreaterThanThreshold",
    "GreaterThanOrEqualToThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
]

EXTRA_DATAPOINTS = 2
"""Datapoints that CloudWatch reads beyond the evaluation periods, in the User Guide's example (5 for
3 evaluation periods). For other periods AWS does not publish the number: it is a model."""


@dataclass(frozen=True)
class AlarmRule:
    """What an alarm compares, and how often it must hold: M out of N.

    Attributes:
        evaluation_periods: N, the datapoints that are looked at.
        datapoints_to_alarm: M, how many of them must breach.
        period: seconds of one datapoint.
        extra_datapoints: how far beyond N the evaluation range reaches.
    """

    comparison: Comparison
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    period: int
    treat_missing_data: MissingData = "missing"
    extra_datapoints: int = EXTRA_DATAPOINTS

    def __post_init__(self) -> None:
        if not 1 <= self.datapoints_to_alarm <= self.evaluation_periods:
            raise ValueError(
                f"datapoints to alarm is {self.datapoints_to_alarm}: it must be between 1 and the "
                f"evaluation periods, {self.evaluation_periods}"
            )
        if self.period not in (10, 20, 30) and (self.period <= 0 or self.period % 60):
            raise ValueError(
                f"an alarm's period is {self.period} s: use 10, 20, 30 or a multiple of 60 seconds"
            )

    @property
    def evaluation_range(self) -> int:
        """How many datapoints are retrieved."""
        return self.evaluation_periods + self.extra_datapoints

    @property
    def evaluation_interval(self) -> int:
        """Seconds between evaluations.

        "For any period of one minute or longer, an alarm is evaluated every minute [...] If the
        alarm period is 10 seconds, 20 seconds, or 30 seconds, the alarm is evaluated every 10
        seconds."
        """
        return 60 if self.period >= 60 else 10

    def window_starts(self, now: float) -> list[float]:
        """Where each datapoint of the evaluation range starts, oldest first.

        The window slides with the evaluation, not with the period: at minute 6 a five-minute alarm
        looks at minutes 2 to 6.
        """
        end = now // self.evaluation_interval * self.evaluation_interval
        return [end - (back + 1) * self.period for back in reversed(range(self.evaluation_range))]

    def breaches(self, value: float) -> bool:
        """Whether ``value`` is outside the threshold."""
        match self.comparison:
            case "GreaterThanThreshold":
                return value > self.threshold
            case "GreaterThanOrEqualToThreshold":
                return value >= self.threshold
            case "LessThanThreshold":
                return value < self.threshold
            case "LessThanOrEqualToThreshold":
                return value <= self.threshold


def evaluate_alarm(rule: AlarmRule, datapoints: Sequence[float | None], state: AlarmState) -> AlarmState:
    """The alarm's new state.

    Args:
        rule: the alarm.
        datapoints: the evaluation range, oldest first, None where a datapoint is missing.
        state: the alarm's present state, which ``ignore`` retains.

    The rules of the User Guide: with at least N real datapoints in the range, the newest N decide and
    the treatment of missing data is ignored. With fewer, all real ones count and only the lack is
    filled. Under ``missing`` and ``ignore`` nothing is filled: too few breaching datapoints with
    none that is fine leave the state open, save for a premature alarm (below).
    """
    real = [rule.breaches(value) for value in datapoints if value is not None]
    if len(real) >= rule.evaluation_periods:
        return _m_of_n(rule, sum(real[-rule.evaluation_periods :]))
    match rule.treat_missing_data:
        case "breaching":
            return _m_of_n(rule, sum(real) + rule.evaluation_periods - len(real))
        case "notBreaching":
            return _m_of_n(rule, sum(real))
        case _:
            return _evaluate_sparse(rule, datapoints, real, state)


def _m_of_n(rule: AlarmRule, breaching: int) -> AlarmState:
    return "ALARM" if breaching >= rule.datapoints_to_alarm else "OK"


def _evaluate_sparse(
    rule: AlarmRule, datapoints: Sequence[float | None], real: Sequence[bool], state: AlarmState
) -> AlarmState:
    if sum(real) >= rule.datapoints_to_alarm:
        return "ALARM"
    if not all(real):
        return "OK"
    if rule.treat_missing_data == "ignore":
        return state
    return "ALARM" if _is_premature_alarm(rule, datapoints) else "INSUFFICIENT_DATA"


def _is_premature_alarm(rule: AlarmRule, datapoints: Sequence[float | None]) -> bool:
    """Whether few breaching datapoints alarm because no newer one can disprove them any more.

    "Alarms are designed to always go into ALARM state when the oldest available breaching datapoint
    during the Evaluation Periods number of data points is at least as old as the value of Datapoints
    to Alarm, and all other more recent data points are breaching or missing." The caller has made
    sure that every real datapoint breaches.
    """
    ages = [len(datapoints) - index for index, value in enumerate(datapoints) if value is not None]
    return bool(ages) and ages[0] >= rule.datapoints_to_alarm
