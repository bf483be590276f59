"""Traffic that was recorded: a CSV of timestamps, or of counts, read line by line.

One request a row (a timestamp, in UTC), one count a row (requests in an interval), or both columns, in
any order, named in a first line. Whatever is wrong is said with its line, before the rest is read.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from darkroom.planner.problem import PlanError
from darkroom.planner.queue_kernel import FloatArray

_LONGEST_LINE = 200
_TIMESTAMP_NAMES = ("timestamp", "time", "arrival")
_COUNT_NAMES = ("count", "requests", "arrivals")
_COUNT = re.compile(r"[0-9]{1,9}")
_SHAPES = (
    "a row is a timestamp such as 2026-11-16 08:00:00.5 (UTC), a count such as 12, or both; "
    f"a first line may name the columns: {_TIMESTAMP_NAMES[0]}, {_COUNT_NAMES[0]}"
)

Column = Literal["timestamp", "count"]


@dataclass(frozen=True)
class Trace:
    """A recording.

    Attributes:
        start: the whole minute in which it begins; None when it has no timestamps.
        arrivals: seconds from ``start``, in order; None for counts.
        counts: requests in each interval; None for timestamps.
        interval: seconds from one count to the next.
    """

    start: datetime | None
    arrivals: FloatArray | None
    counts: FloatArray | None
    interval: float


@dataclass
class _Rows:
    """What has been read."""

    columns: tuple[Column, ...] = ()
    seconds: array[float] = field(default_factory=lambda: array("d"))
    counts: array[float] = field(default_factory=lambda: array("d"))


def read_trace(file: Path, interval: float = 60.0) -> Trace:
    """Read a CSV of recorded traffic.

    Args:
        interval: seconds from one row to the next where the rows have counts and no timestamps.

    Raises:
        PlanError: the file can't be read, is empty, unsorted or not of that shape, with the line.
    """
    rows = _Rows()
    for number, cells in _lines(file):
        where = f"{file}, line {number}"
        if not rows.columns:
            rows.columns, is_header = _columns(cells, where)
            if is_header:
                continue
        _add(rows, cells, where)
    if not rows.seconds and not rows.counts:
        raise PlanError(f"{file} has no requests: {_SHAPES}")
    return _trace(rows, interval, file)


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, as numbers and cells; only one is in memory at a time."""
    number = 0
    try:
        with file.open("rb") as stream:
            while raw := stream.readline(_LONGEST_LINE + 1):
                number += 1
                if len(raw) > _LONGEST_LINE:
                    raise PlanError(
                        f"{file}, line {number} is longer than {_LONGEST_LINE} bytes: this is no "
                        f"traffic CSV; {_SHAPES}"
                    )
                # utf-8-sig: spreadsheets begin a file with a byte order mark.
                text = raw.decode("utf-8-sig").strip()
                if text:
                    yield number, [cell.strip() for cell in text.split(",")]
    except UnicodeDecodeError:
        raise PlanError(f"{file}, line {number} is no UTF-8 text: {_SHAPES}") from None
    except OSError as error:
        raise PlanError(f"{file}: {error.strerror}") from None


def _columns(cells: list[str], where: str) -> tuple[tuple[Column, ...], bool]:
    """The columns by the first line, and whether it only names them."""
    names: list[Column] = []
    for cell in cells:
        if cell.lower() in _TIMESTAMP_NAMES:
            names.append("timestamp")
        elif cell.lower() in _COUNT_NAMES:
            names.append("count")
    if len(names) == len(cells) == len(set(names)):
        return tuple(names), True
    is_data = cells[0][:1].isdigit() or cells[0][:1] in ("-", "+")
    if len(cells) == 1 and is_data:
        return (("count",) if re.fullmatch(r"[-+]?[0-9.]+", cells[0]) else ("timestamp",)), False
    if len(cells) == 2 and is_data:
        return ("timestamp", "count"), False
    raise PlanError(f"{where}: the columns are {', '.join(map(repr, cells[:5]))}: {_SHAPES}")


def _add(rows: _Rows, cells: list[str], where: str) -> None:
    if len(cells) != len(rows.columns):
        raise PlanError(
            f"{where} has {len(cells)} columns where the first line has {len(rows.columns)}: {_SHAPES}"
        )
    for column, cell in zip(rows.columns, cells, strict=True):
        if column == "count":
            rows.counts.append(_count(cell, where))
            continue
        seconds = _timestamp(cell, where)
        if rows.seconds and seconds < rows.seconds[-1]:
            raise PlanError(f"{where}: {cell} is earlier than the line before: sort the file by time")
        rows.seconds.append(seconds)


def _count(cell: str, where: str) -> float:
    if cell.startswith("-"):
        raise PlanError(f"{where}: the count {cell} is negative: a count is 0 or more")
    if not _COUNT.fullmatch(cell):
        raise PlanError(f"{where}: {cell!r} is no count: {_SHAPES}")
    return float(cell)


def _timestamp(cell: str, where: str) -> float:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise PlanError(f"{where}: {cell!r} is no timestamp: {_SHAPES}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elif moment.utcoffset() != timedelta(0):
        right = moment.astimezone(UTC).isoformat()
        raise PlanError(f"{where}: {cell} is not in UTC: write {right}, and all others in UTC too")
    return moment.timestamp()


def _trace(rows: _Rows, interval: float, file: Path) -> Trace:
    counts = np.frombuffer(rows.counts) if rows.counts else None
    if not rows.seconds:
        return Trace(None, None, counts, interval)
    seconds = np.frombuffer(rows.seconds)
    origin = seconds[0] // 60 * 60
    start = datetime.fromtimestamp(float(origin), UTC)
    if counts is None:
        return Trace(start, seconds - origin, None, interval)
    return Trace(datetime.fromtimestamp(float(seconds[0]), UTC), None, counts, _spacing(seconds, file))


def _spacing(seconds: FloatArray, file: Path) -> float:
    """The one distance between the timestamps of counts."""
    gaps = np.diff(seconds)
    if len(gaps) == 0 or gaps[0] <= 0:
        raise PlanError(f"{file}: counts with timestamps need two rows at least, at different times")
    uneven = np.flatnonzero(np.abs(gaps - gaps[0]) > 1e-3)
    if len(uneven):
        raise PlanError(
            f"{file}: the counts are {gaps[0]:g} s apart at first and {gaps[uneven[0]]:g} s after row "
            f"{uneven[0] + 1}: give one row an interval, with count 0 where nobody asked"
        )
    return float(gaps[0])
