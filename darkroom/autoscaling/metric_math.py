"""CloudWatch metric math, evaluated.

Every rule is from the Amazon CloudWatch User Guide, "Using math expressions with CloudWatch
metrics" (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html):

- a value is a scalar, a time series, or an array of time series;
- a missing value counts as 0 in arithmetic and comparisons with a series that has one there; where
  no series has a datapoint there is none in the result;
- a division by zero drops the datapoint;
- comparisons and logic give 1 or 0.

Not published, and modelled: a result that is no real number (an overflow, a root of a negative
number) is dropped like a division by zero; a scalar without a value (AVG, MIN or MAX of a series
without datapoints, a division by zero of scalars) is NaN, and drops every datapoint it meets.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping

from darkroom.autoscaling.metric_math_functions import FUNCTIONS, Value, fill, select
from darkroom.autoscaling.metric_math_parser import (
    Array,
    Call,
    Keyword,
    MetricMathError,
    Name,
    Negation,
    Node,
    Number,
    Operation,
    parse,
)
from darkroom.autoscaling.series import TimeSeries

__all__ = ["MetricMathError", "Value", "evaluate", "evaluate_series"]

_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "AND": lambda left, right: left != 0 and right != 0,
    "OR": lambda left, right: left != 0 or right != 0,
}


def evaluate(expression: str, variables: Mapping[str, Value]) -> Value:
    """Evaluate ``expression`` over ``variables``, metric and expression results by id.

    Raises:
        MetricMathError: the expression is malformed, uses an unknown id or an unsupported
            function, or gives a function a type that it doesn't take.
    """
    try:
        return _evaluate(parse(expression), variables)
    except MetricMathError as error:
        if repr(expression) in str(error):
            raise
        raise MetricMathError(f"{expression!r}: {error}") from None


def evaluate_series(expression: str, variables: Mapping[str, Value]) -> TimeSeries:
    """Evaluate ``expression`` to one time series, as an alarm or a scaling policy needs it.

    "The final result of any math expression must be a single time series or an array of time
    series" (User Guide); an alarm watches a single one.

    Raises:
        MetricMathError: as for :func:`evaluate`, or the result is a scalar or an array.
    """
    value = evaluate(expression, variables)
    if not isinstance(value, TimeSeries):
        kind = "an array of time series" if isinstance(value, tuple) else "a scalar"
        raise MetricMathError(f"{expression!r} gives {kind}; the final result must be one time series")
    return value


def _evaluate(node: Node, variables: Mapping[str, Value]) -> Value:
    match node:
        case Number(value=value):
            return value
        case Name(id=name):
            if name not in variables:
                known = ", ".join(sorted(variables)) or "none"
                raise MetricMathError(
                    f"there is no metric or expression with the id {name!r}; ids are: {known}"
                )
            return variables[name]
        case Array(items=items):
            return _array(items, variables)
        case Negation(operand=operand):
            return _map_binary(operator.sub, 0.0, _evaluate(operand, variables))
        case Operation(operator=symbol, left=left, right=right):
            return _map_binary(_OPERATORS[symbol], _evaluate(left, variables), _evaluate(right, variables))
        case Call():
            return _call(node, variables)
        case Keyword(word=word):
            raise MetricMathError(f"{word} stands only as the second argument of FILL")


def _array(items: tuple[Node, ...], variables: Mapping[str, Value]) -> tuple[TimeSeries, ...]:
    series: list[TimeSeries] = []
    for item in items:
        value = _evaluate(item, variables)
        if isinstance(value, float):
            raise MetricMathError("an array [...] holds time series, not scalars")
        series.extend((value,) if isinstance(value, TimeSeries) else value)
    return tuple(series)


def _call(call: Call, variables: Mapping[str, Value]) -> Value:
    if call.function == "FILL":
        return _fill(call.arguments, variables)
    if call.function == "PERIOD" and not (len(call.arguments) == 1 and isinstance(call.arguments[0], Name)):
        raise MetricMathError("PERIOD takes the id of one metric, not the result of an expression")
    arguments = [_evaluate(argument, variables) for argument in call.arguments]
    if call.function == "IF":
        if len(arguments) not in (2, 3):
            raise MetricMathError(
                f"IF takes a condition and one or two values, not {len(arguments)} arguments"
            )
        return select(*arguments)
    if len(arguments) != 1:
        raise MetricMathError(
            f"{call.function} takes one time series or one array of them, such as [m1, m2], "
            f"not {len(arguments)} arguments"
        )
    return FUNCTIONS[call.function](arguments[0])


def _fill(arguments: tuple[Node, ...], variables: Mapping[str, Value]) -> Value:
    if len(arguments) != 2:
        raise MetricMathError("FILL takes a time series and a number, a time series, REPEAT or LINEAR")
    filler = arguments[1]
    return fill(
        _evaluate(arguments[0], variables),
        filler.word if isinstance(filler, Keyword) else _evaluate(filler, variables),
    )


def _map_binary(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    match left, right:
        case tuple(), tuple():
            raise MetricMathError("an operator takes at most one array of time series")
        case tuple(), TimeSeries() | float():
            return tuple(_series_binary(function, item, right) for item in left)
        case TimeSeries() | float(), tuple():
            return tuple(_series_binary(function, left, item) for item in right)
        case float(), float():
            value = _apply(function, left, right)
            return math.nan if value is None else value
        case _:
            return _series_binary(function, left, right)


def _series_binary(function: Callable[[float, float], float], left: Value, right: Value) -> TimeSeries:
    match left, right:
        case TimeSeries(), TimeSeries():
            if not left.aligned_with(right):
                raise MetricMathError(
                    f"series of {left.period} s and {right.period} s can't be combined: "
                    "give all metrics one period"
                )
            pairs = zip(left.values, right.values, strict=True)
            values = [
                None if a is None and b is None else _apply(function, a or 0.0, b or 0.0) for a, b in pairs
            ]
            return TimeSeries(tuple(values), left.period)
        case TimeSeries(), float():
            values = [None if a is None else _apply(function, a, right) for a in left.values]
            return TimeSeries(tuple(values), left.period)
        case float(), TimeSeries():
            values = [None if b is None else _apply(function, left, b) for b in right.values]
            return TimeSeries(tuple(values), right.period)
        case _:
            raise TypeError(f"no operation on series between {left!r} and {right!r}")


def _apply(function: Callable[[float, float], float], left: float, right: float) -> float | None:
    if math.isnan(left) or math.isnan(right):
        return None
    try:
        value = function(left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(value, complex) or not math.isfinite(value) else float(value)
