"""Charts are valid SVG, whatever is drawn and whatever it is called."""

from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.charts import Series, line_chart

_SVG = "{http://www.w3.org/2000/svg}"
_values = st.floats(min_value=0, max_value=1e9, allow_nan=False)


@example([(0.0, 5e-324)], "line")
@given(st.lists(st.tuples(_values, _values)), st.sampled_from(["line", "steps", "dots"]))
def test_every_point_lies_inside_the_picture(points: list[tuple[float, float]], style: str) -> None:
    chart = ElementTree.fromstring(line_chart("t", "x", "y", [Series("s", sorted(points), style)]))  # noqa: S314
    for line in chart.iter(f"{_SVG}polyline"):
        for place in line.attrib["points"].split():
            x, y = (float(part) for part in place.split(","))
            assert 0 <= x <= 720
            assert 0 <= y <= 260
    for dot in chart.iter(f"{_SVG}circle"):
        assert 0 <= float(dot.attrib["cx"]) <= 720
        assert 0 <= float(dot.attrib["cy"]) <= 260


def test_steps_hold_a_value_until_the_next() -> None:
    chart = ElementTree.fromstring(line_chart("t", "x", "y", [Series("s", [(0, 1), (10, 2)], "steps")]))  # noqa: S314
    line = chart.find(f"{_SVG}polyline")
    assert line is not None
    corners = [tuple(map(float, corner.split(","))) for corner in line.attrib["points"].split()]
    assert corners[1][1] == corners[0][1]
    assert corners[1][0] == corners[2][0]


def test_names_are_text_and_never_markup() -> None:
    chart = line_chart("<script>", "a&b", "y", [Series("<b>", [(0, 0)])])
    assert "<script>" not in chart
    ElementTree.fromstring(chart)  # noqa: S314
