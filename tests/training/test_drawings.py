"""Which drawings training never sees."""

from collections import Counter
from itertools import product

import pytest

from training.drawings import (
    BACKGROUND_COLOURS,
    SHAPE_COLOURS,
    SHAPES,
    Drawing,
    every_drawing,
    held_out_drawings,
    seen_drawings,
)


def test_a_fifth_is_held_out_and_nothing_of_it_is_seen() -> None:
    seen, held_out = set(seen_drawings()), set(held_out_drawings())
    assert not seen & held_out
    assert seen | held_out == set(every_drawing())
    assert len(held_out) / len(every_drawing()) == pytest.approx(0.2, abs=0.01)


def test_every_pair_of_names_is_seen_together() -> None:
    seen = seen_drawings()
    assert {(d.colour, d.shape) for d in seen} == set(product(SHAPE_COLOURS, SHAPES))
    assert {(d.colour, d.background) for d in seen} == set(product(SHAPE_COLOURS, BACKGROUND_COLOURS))
    assert {(d.shape, d.background) for d in seen} == set(product(SHAPES, BACKGROUND_COLOURS))


@pytest.mark.parametrize("field", ["colour", "shape", "background"])
def test_what_is_held_out_is_spread_evenly(field: str) -> None:
    counts = Counter(getattr(drawing, field) for drawing in held_out_drawings())
    assert max(counts.values()) - min(counts.values()) <= 1


def test_no_shape_can_be_in_its_own_backgrounds_colour() -> None:
    assert not set(SHAPE_COLOURS) & set(BACKGROUND_COLOURS)
    assert not set(SHAPE_COLOURS.values()) & set(BACKGROUND_COLOURS.values())


def test_a_prompt_is_plain_english() -> None:
    assert Drawing("red", "circle", "white").prompt == "a red circle on a white background"
    assert Drawing("orange", "star", "grey").prompt == "an orange star on a grey background"
