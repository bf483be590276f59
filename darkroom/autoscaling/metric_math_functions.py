"""The functions of CloudWatch metric math, on scalars, time series and arrays of them.

Source: Amazon CloudWatch User Guide, "Functions supported for metric math" and "Using IF
expressions".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

from darkroom.autoscaling.metric_math_parser import MetricMathError
from darkroom.autoscaling.series import TimeSeries

Value = float | TimeSeries | tuple[TimeSeries, ...]


def _each(name: str, function: Callable[[TimeSeries], TimeSeries]) -> Callable[[Value], Value]:
    """A function from TS to TS that also maps TS[] to TS[]."""

    def call(value: Value) -> Value:
        if isinstance(value, float):
            raise MetricMathError(f"{name} takes a time series or an array of them, not a scalar")
        return function(value) if isinstance(value, TimeSeries) else tuple(map(function, value))

    return call


def _reduce(
    name: str,
    over_time: Callable[[list[float]], float],
    across: Callable[[list[float], int], float],
    empty: float = math.nan,
) -> Callable[[Value], Value]:
    """A function that makes a scalar of one series, and one series of an array.

    ``across`` gets the datapoints that exist at a timestamp and the number of series; ``empty`` is
    the scalar for a series without datapoints.
    """

    def call(value: Value) -> Value:
        if isinstance(value, float):
            raise MetricMathError(f"{name} takes a time series or an array of them, not a scalar")
        if isinstance(value, TimeSeries):
            existing = list(value.existing())
            return over_time(existing) if existing else empty
        if not value:
            raise MetricMathError(f"{name} of an empty array has no value")
        if not all(series.aligned_with(value[0]) for series in value):
            raise MetricMathError(f"{name} takes an array of time series of one period")
        columns = zip(*(series.values for series in value), strict=True)
        return TimeSeries(tuple(_column(column, across) for column in columns), value[0].period)

    return call


def _column(column: Iterable[float | None], across: Callable[[list[float], int], float]) -> float | None:
    entries = list(column)
    existing = [entry for entry in entries if entry is not None]
    return across(existing, len(entries)) if existing else None


def _point_by_point(function: Callable[[float], float]) -> Callable[[TimeSeries], TimeSeries]:
    def apply(series: TimeSeries) -> TimeSeries:
        return TimeSeries(
            tuple(None if value is None else float(function(value)) for value in series.values), series.period
        )

    return apply


def _change(per_second: bool) -> Callable[[TimeSeries], TimeSeries]:
    """DIFF and RATE: against the preceding datapoint that exists, however far back it stands."""

    def apply(series: TimeSeries) -> TimeSeries:
        changes: list[float | None] = []
        previous: tuple[int, float] | None = None
        for index, value in enumerate(series.values):
            if value is None or previous is None:
                changes.append(None)
            else:
                seconds = (index - previous[0]) * series.period if per_second else 1
                changes.append((value - previous[1]) / seconds)
            if value is not None:
                previous = (index, value)
        return TimeSeries(tuple(changes), series.period)

    return apply


def _running_sum(series: TimeSeries) -> TimeSeries:
    total, sums = 0.0, []
    for value in series.values:
        total += value or 0.0
        sums.append(None if value is None else total)
    return TimeSeries(tuple(sums), series.period)


def _period(value: Value) -> Value:
    if not isinstance(value, TimeSeries):
        raise MetricMathError("PERIOD takes the id of one metric")
    return float(value.period)


FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "ABS": _each("ABS", _point_by_point(abs)),
    "CEIL": _each("CEIL", _point_by_point(math.ceil)),
    "FLOOR": _each("FLOOR", _point_by_point(math.floor)),
    "DIFF": _each("DIFF", _change(per_second=False)),
    "RATE": _each("RATE", _change(per_second=True)),
    "RUNNING_SUM": _each("RUNNING_SUM", _running_sum),
    "PERIOD": _period,
    "SUM": _reduce("SUM", sum, lambda existing, _: sum(existing), empty=0.0),
    # The User Guide on AVG of an array: missing values are treated as 0.
    "AVG": _reduce(
        "AVG", lambda values: sum(values) / len(values), lambda existing, series: sum(existing) / series
    ),
    "MIN": _reduce("MIN", min, lambda existing, _: min(existing)),
    "MAX": _reduce("MAX", max, lambda existing, _: max(existing)),
}


def fill(value: Value, filler: Value | str) -> Value:
    """FILL: give the missing datapoints of each series a value.

    Args:
        value: a time series or an array of them.
        filler: a number; another series, whose datapoints are taken where it has any; ``REPEAT``,
            the most recent datapoint before the gap; or ``LINEAR``, interpolation between the ends
            of the gap. The last two leave a gap at the edge as it is.
    """
    if isinstance(value, float):
        raise MetricMathError("FILL takes a time series or an array of them, not a scalar")
    if isinstance(value, tuple):
        return tuple(_fill_series(series, filler) for series in value)
    return _fill_series(value, filler)


def _fill_series(series: TimeSeries, filler: Value | str) -> TimeSeries:
    values: tuple[float | None, ...]
    if isinstance(filler, float):
        filler_or_none = None if math.isnan(filler) else filler
        values = tuple(filler_or_none if value is None else value for value in series.values)
    elif isinstance(filler, TimeSeries):
        if not filler.aligned_with(series):
            raise MetricMathError("FILL takes a filler of the same period as the series")
        pairs = zip(series.values, filler.values, strict=True)
        values = tuple(other if value is None else value for value, other in pairs)
    elif filler == "REPEAT":
        values = _repeated(series.values)
    elif filler == "LINEAR":
        values = _interpolated(series.values)
    else:
        raise MetricMathError("FILL fills with a number, a time series, REPEAT or LINEAR, not with an array")
    return TimeSeries(values, series.period)


def _repeated(values: tuple[float | None, ...]) -> tuple[float | None, ...]:
    filled: list[float | None] = []
    for value in values:
        filled.append(value if value is not None or not filled else filled[-1])
    return tuple(filled)


def _interpolated(values: tuple[float | None, ...]) -> tuple[float | None, ...]:
    filled = list(values)
    known = [(index, value) for index, value in enumerate(values) if value is not None]
    for (start, first), (end, last) in pairwise(known):
        for index in range(start + 1, end):
            filled[index] = first + (last - first) * (index - start) / (end - start)
    return tuple(filled)


def select(condition: Value, when_true: Value, when_false: Value | None = None) -> Value:
    """IF: pick, at each timestamp, the value that the condition points to.

    User Guide, "Using IF expressions": where the condition is missing the result is dropped; where
    it is true and the series to take from has no datapoint the result is 0; where it is false and
    there is nothing to take the result is dropped. Any condition other than 0 is true.
    """
    if isinstance(condition, tuple) or isinstance(when_true, tuple) or isinstance(when_false, tuple):
        raise MetricMathError("IF takes scalars and single time series, not arrays")
    if isinstance(condition, float):
        return _select_whole(condition, when_true, when_false)
    series = (value for value in (when_true, when_false) if isinstance(value, TimeSeries))
    if not all(value.aligned_with(condition) for value in series):
        raise MetricMathError("IF takes time series of one period")
    values = (
        _select_point(flag, _at(when_true, index), _at(when_false, index))
        for index, flag in enumerate(condition.values)
    )
    return TimeSeries(tuple(values), condition.period)


def _select_whole(condition: float, when_true: Value, when_false: Value | None) -> Value:
    """IF(S, TS, TS), the only form that the User Guide lists with a scalar condition."""
    if not isinstance(when_true, TimeSeries):
        raise MetricMathError("IF with a scalar condition takes a time series as its second argument")
    if condition == 0 and when_false is not None:
        return when_false
    if condition == 0 or math.isnan(condition):
        return TimeSeries((None,) * len(when_true), when_true.period)
    return when_true


def _select_point(flag: float | None, when_true: float | None, when_false: float | None) -> float | None:
    if flag is None:
        return None
    return (when_true or 0.0) if flag != 0 else when_false


def _at(value: Value | None, index: int) -> float | None:
    return (
        value.values[index] if isinstance(value, TimeSeries) else value if isinstance(value, float) else None
    )
