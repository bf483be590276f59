"""The dashboard's body: a row of figures to read in ten seconds, then the graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from darkroom.campaign import ResolvedCampaign
from stacks.dashboard_graphs import graphs
from stacks.dashboard_summary import summary, what_to_do
from stacks.dashboard_widgets import COLUMNS, Widget, placed

SUMMARY_HEIGHT, TEXT_HEIGHT = 5, 2
WIDTH, HEIGHT = 12, 6


def dashboard_body(
    campaign: ResolvedCampaign, *, variant: str, alarms: Sequence[str], drawings: str | None = None
) -> dict[str, Any]:
    """Everything in its place.

    Args:
        alarms: ARNs of the alarms that have a light.
        drawings: the name of a realtime campaign's queue.
    """
    region = campaign.file.environment.region
    widgets: list[Widget] = []
    x = 0
    for widget, width in summary(campaign, variant=variant, drawings=drawings, alarms=alarms):
        widgets.append(placed(widget, x=x, y=0, width=width, height=SUMMARY_HEIGHT, region=region))
        x += width
    words = what_to_do(campaign)
    widgets.append(placed(words, x=0, y=SUMMARY_HEIGHT, width=COLUMNS, height=TEXT_HEIGHT, region=region))
    top = SUMMARY_HEIGHT + TEXT_HEIGHT
    for index, widget in enumerate(graphs(campaign, variant=variant, drawings=drawings)):
        row, column = divmod(index, COLUMNS // WIDTH)
        y = top + row * HEIGHT
        widgets.append(placed(widget, x=column * WIDTH, y=y, width=WIDTH, height=HEIGHT, region=region))
    return {"widgets": widgets}
