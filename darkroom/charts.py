"""Line charts as SVG text, for reports that open with no network and no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 48, 44
# Below it, an axis of its own would show rounding errors (and floats run out of digits).
_NEXT_TO_NOTHING = 1e-12
_COLOURS = ("#2563eb", "#dc2626", "#059669", "#9333ea")


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        name: what the legend says.
        points: (x, y), in order of x.
        style: "line" joins the points, "steps" holds each value until the next, "dots" joins nothing.
    """

    name: str
    points: Sequence[tuple[float, float]]
    style: str = "line"


def line_chart(
    title: str, x_label: str, y_label: str, series: Sequence[Series], *, x_end: float | None = None
) -> str:
    """An SVG element with the series over common axes, both from zero.

    Args:
        x_end: where the x axis ends at least, so that charts of one time can stand below each other.
    """
    x_top = _nice_ceiling(max([x_end or 0.0, *(x for one in series for x, _ in one.points)], default=1.0))
    y_top = _nice_ceiling(max((y for one in series for _, y in one.points), default=1.0))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + x / x_top * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - y / y_top * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}" '
        'xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" font-size="11">',
        f'<text x="{_LEFT}" y="16" font-size="13" font-weight="600">{escape(title)}</text>',
    ]
    for tick in _ticks(y_top):
        x, y = place(0, tick)
        parts.append(
            f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        )
        parts.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in _ticks(x_top):
        x, y = place(tick, 0)
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{tick:g}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(
        f'<text transform="translate(14 {(_HEIGHT - _BOTTOM + _TOP) / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(y_label)}</text>'
    )
    for index, one in enumerate(series):
        colour = _COLOURS[index % len(_COLOURS)]
        parts.append(_draw([place(x, y) for x, y in one.points], one.style, colour))
        legend_x = _WIDTH - _RIGHT - 150 * (len(series) - index)
        parts.append(f'<rect x="{legend_x}" y="26" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{legend_x + 14}" y="35">{escape(one.name)}</text>')
    parts.append("</svg>")
    return "\n".join(parts)


def _draw(places: Sequence[tuple[float, float]], style: str, colour: str) -> str:
    if style == "dots" or len(places) < 2:
        return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places)
    if style == "steps":
        places = [
            corner
            for (x, y), (next_x, _) in zip(places, [*places[1:], places[-1]], strict=True)
            for corner in ((x, y), (next_x, y))
        ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _ticks(top: float) -> list[float]:
    return [top * step / 5 for step in range(6)]


def _nice_ceiling(value: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten not below ``value``; 1 for next to nothing."""
    if value < _NEXT_TO_NOTHING:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 2.5, 5, 10) if power * step >= value * (1 - 1e-9))
