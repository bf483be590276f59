"""A campaign's costs for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from darkroom.operations.costs.report import Costs


def show(costs: Costs, console: Console) -> None:
    """Print the bill and the estimate."""
    table = Table(title=f"{costs.campaign}: estimate of this month from metrics", title_justify="left")
    for column in ("", "quantity", "so far", "month"):
        table.add_column(column, justify="left" if not column else "right")
    for line in costs.lines:
        quantity = "not measured" if line.quantity is None else f"{line.quantity:,.1f}"
        table.add_row(line.name.replace("_", " "), quantity, f"${line.so_far:,.2f}", f"${line.forecast:,.2f}")
    table.add_section()
    table.add_row("all of these", "", f"${costs.total.so_far:,.2f}", f"${costs.total.forecast:,.2f}")
    console.print(table)
    each = costs.total.per_picture
    console.print(
        f"{costs.total.pictures:,.0f} pictures drawn"
        + ("." if each is None else f", ${each:.6f} each with everything in it.")
        + (" It is paused: instances and requests cost nothing more." if costs.is_paused else "")
    )
    if costs.budget is not None:
        share = costs.total.forecast / costs.budget
        console.print(f"Budget ${costs.budget:,.2f}: the month's forecast is {share:.0%} of it.")
    if costs.bill.unknown is not None:
        console.print(f"No bill: {costs.bill.unknown}.")
    else:
        console.print(f"AWS's bill, month to date: ${costs.bill.total:,.2f}")
        for service, dollars in sorted(costs.bill.services.items(), key=lambda one: -one[1]):
            console.print(f"  {service}: ${dollars:,.2f}")
    console.print(
        f"Prices of {costs.prices_as_of}. Not in the estimate: instances' start-up, storage, data transfer, "
        "logs, traces, taxes."
    )
