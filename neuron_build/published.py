"""What others measured and published, with its date and source: published.json beside this module.

Figures are kept as they were printed, as texts: 1976.9 ms is a P95 between 1976.85 and 1976.95 ms.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("published.json")

_MILLISECONDS_AN_HOUR = 3_600_000


@dataclass(frozen=True)
class PublishedRow:
    """One row of a published table.

    Attributes:
        size: (width, height) in pixels.
        milliseconds: of one picture, as printed.
        dollars_an_image: as printed; None where the table has no such column.
    """

    model: str
    recipe: str
    size: tuple[int, int]
    dtype: str
    steps: int
    milliseconds: Decimal
    dollars_an_image: Decimal | None


@dataclass(frozen=True)
class PublishedTable:
    """A published table, who published it and when, and the machine and its price."""

    title: str
    source: str
    as_of: str
    instance_type: str
    dollars_an_hour: Decimal
    statistic: str
    rows: tuple[PublishedRow, ...]


def published_tables(file: Path = FILE) -> tuple[PublishedTable, ...]:
    """The tables, in the order of the file."""
    content = json.loads(file.read_bytes(), parse_float=Decimal)
    return tuple(
        PublishedTable(**table | {"rows": tuple(_row(row) for row in table["rows"])})
        for table in content["benchmarks"]
    )


def _row(row: dict[str, Any]) -> PublishedRow:
    printed = row.get("dollars_an_image")
    return PublishedRow(
        model=str(row["model"]),
        recipe=str(row["recipe"]),
        size=(int(row["size"][0]), int(row["size"][1])),
        dtype=str(row["dtype"]),
        steps=int(str(row["steps"])),
        milliseconds=Decimal(str(row["milliseconds"])),
        dollars_an_image=None if printed is None else Decimal(str(printed)),
    )


def dollars_an_image(milliseconds: Decimal, dollars_an_hour: Decimal, workers: int = 1) -> Decimal:
    """Price x time / 3600 s, over the workers that draw at the same time on the machine."""
    return milliseconds * dollars_an_hour / _MILLISECONDS_AN_HOUR / workers


def possible_costs(milliseconds: Decimal, dollars_an_hour: Decimal, digits: Decimal) -> set[Decimal]:
    """What a cost rounded to the unit of `digits` may be, for a time that was itself rounded when printed."""
    exponent = milliseconds.as_tuple().exponent
    half = Decimal(1).scaleb(int(exponent)) / 2
    unit = Decimal(1).scaleb(int(digits.as_tuple().exponent))
    least, most = (
        dollars_an_image(edge, dollars_an_hour).quantize(unit, ROUND_HALF_UP)
        for edge in (milliseconds - half, milliseconds + half)
    )
    return {least + unit * number for number in range(int((most - least) / unit) + 1)}
