import json
from decimal import ROUND_HALF_UP, Decimal

import pytest

from neuron_build.plan import RECIPES
from neuron_build.published import (
    PublishedRow,
    PublishedTable,
    dollars_an_image,
    possible_costs,
    published_tables,
)

TABLES = {table.statistic: table for table in published_tables()}
SYSTEM_B = TABLES["p95"]


def printed_cost(row: PublishedRow) -> Decimal:
    assert row.dollars_an_image is not None
    return row.dollars_an_image


def test_system_bs_table_is_whole() -> None:
    assert (SYSTEM_B.instance_type, SYSTEM_B.dollars_an_hour) == ("inf2.xlarge", Decimal("0.76"))
    assert {(row.model, row.size, row.steps) for row in SYSTEM_B.rows} == {
        (model, size, steps)
        for model in ("SD 1.5", "SD 2.1")
        for size in ((512, 512), (768, 768))
        for steps in (30, 50)
    }


@pytest.mark.parametrize("row", SYSTEM_B.rows, ids=lambda row: f"{row.model} {row.size[0]} {row.steps}")
def test_system_bs_cost_column_follows_from_its_p95_column_and_price(row: PublishedRow) -> None:
    """To the last digit printed. A P95 is itself printed to a tenth of a millisecond: where its own rounding
    decides the cost's last digit, both digits are possible, and the printed one must be among them."""
    printed = printed_cost(row)

    assert printed in possible_costs(row.milliseconds, SYSTEM_B.dollars_an_hour, printed)


def test_but_for_one_row_the_printed_p95_gives_the_printed_cost_itself() -> None:
    def cost(row: PublishedRow) -> Decimal:
        exact = dollars_an_image(row.milliseconds, SYSTEM_B.dollars_an_hour)
        return exact.quantize(Decimal("0.0000001"), ROUND_HALF_UP)

    others = [(row.milliseconds, cost(row)) for row in SYSTEM_B.rows if cost(row) != printed_cost(row)]
    # 1976.9 x 0.76 / 3600 s is 0.00041735 less a hair; 1976.92 ms is printed the same and costs 0.0004174.
    assert others == [(Decimal("1976.9"), Decimal("0.0004173"))]


def test_a_cost_that_is_off_by_one_digit_would_be_found() -> None:
    row = next(row for row in SYSTEM_B.rows if row.milliseconds == Decimal("8235.9"))

    for wrong in ("0.0017386", "0.0017388"):
        assert Decimal(wrong) not in possible_costs(
            row.milliseconds, SYSTEM_B.dollars_an_hour, Decimal(wrong)
        )


def recipe_seconds() -> dict[tuple[str, tuple[int, int], int], Decimal]:
    """Seconds an image by recipe, size and steps, of the recipes that say a published figure."""
    found: dict[tuple[str, tuple[int, int], int], Decimal] = {}
    for name in ("sd15", "sd21", "sdxl"):
        content = json.loads((RECIPES / f"{name}.json").read_text(), parse_float=Decimal)
        said = content["seconds_per_image"]
        sizes = [{"size": content["sizes"][0], "value": said["value"]}, *said.get("by_size", [])]
        found |= {
            (name, (one["size"][0], one["size"][1]), said["steps"]): Decimal(one["value"]) for one in sizes
        }
    return found


def published_seconds(table: PublishedTable) -> dict[tuple[str, tuple[int, int], int], Decimal]:
    return {(row.recipe, row.size, row.steps): row.milliseconds / 1000 for row in table.rows}


def test_the_recipes_seconds_an_image_are_the_published_ones() -> None:
    published = published_seconds(TABLES["latency"]) | published_seconds(SYSTEM_B)

    assert recipe_seconds() == {key: published[key] for key in recipe_seconds()}
