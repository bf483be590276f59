"""What captions say, and what they never say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.captions import caption, every_wording
from training.drawings import BACKGROUND_COLOURS, SHAPE_COLOURS, SHAPES, Drawing, seen_drawings
from training.pictures import SIDES


@given(st.sampled_from(seen_drawings()), st.sampled_from(list(SIDES)), st.integers(0, 2**32 - 1))
def test_a_caption_names_its_drawing_and_no_other(drawing: Drawing, scale: str, seed: int) -> None:
    words = set(
        caption(drawing, scale, np.random.default_rng(seed)).replace(",", "").replace(":", "").split()
    )
    assert words & set(SHAPE_COLOURS) == {drawing.colour}
    assert words & set(SHAPES) == {drawing.shape}
    # The background may go unsaid, and grey is spelt in two ways.
    named = {"grey" if word == "gray" else word for word in words & {*BACKGROUND_COLOURS, "gray"}}
    assert named in ({drawing.background}, set())
    assert words & {"small", "large"} <= {scale}


def test_captions_vary() -> None:
    random = np.random.default_rng(0)
    captions = {caption(Drawing("red", "circle", "white"), "small", random) for _ in range(200)}
    assert len(captions) > 15
    assert any("background" not in text and "white" not in text for text in captions)


@pytest.mark.parametrize("word", ["triangle", "purple", "background", "gray", "small"])
def test_every_wording_is_there_for_the_tokenizer(word: str) -> None:
    assert any(word in text.split() for text in every_wording())


def test_articles_agree() -> None:
    texts = " | ".join(every_wording())
    assert "a orange" not in texts
    assert "an red" not in texts
