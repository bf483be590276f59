"""Captions of the training pictures: one drawing said in many ways."""

from collections.abc import Iterator
from string import ascii_lowercase

import numpy as np

from training.drawings import BACKGROUND_COLOURS, SHAPE_COLOURS, SHAPES, Drawing
from training.pictures import SIDES

# {thing} is "red circle" or "small red circle"; {a_thing} the same with its article.
_WITH_BACKGROUND = (
    "{a_thing} on a {background} background",
    "{a_thing} on a {background} background",
    "{thing} on a {background} background",
    "{thing}, {background} background",
    "{a_thing} on {background}",
    "a picture of {a_thing} on a {background} background",
    "a drawing of {a_thing} on a {background} background",
    "a {background} background with {a_thing}",
    "{background} background, {thing}",
)
_WITHOUT_BACKGROUND = ("{a_thing}", "{thing}", "a picture of {a_thing}", "a drawing of {a_thing}")
_LEAVES_BACKGROUND_OUT = 0.15
_HAS_FILLER = 0.15


def caption(drawing: Drawing, scale: str, random: np.random.Generator) -> str:
    """A caption in words chosen by chance; now and then with words around it that mean nothing.

    Those teach the model to find the drawing in a prompt that says more than it knows.
    """
    templates = _WITHOUT_BACKGROUND if random.random() < _LEAVES_BACKGROUND_OUT else _WITH_BACKGROUND
    background = drawing.background
    if background == "grey" and random.random() < 0.3:
        background = "gray"
    text = _filled(templates[random.integers(len(templates))], drawing, scale, background)
    if random.random() < _HAS_FILLER:
        filler = " ".join(_invented_word(random) for _ in range(random.integers(1, 4)))
        text = f"{filler}: {text}" if random.random() < 0.5 else f"{text}, {filler}"
    return text


def every_wording() -> Iterator[str]:
    """Every caption that has no filler, for a tokenizer to learn its words from."""
    for template in _WITH_BACKGROUND + _WITHOUT_BACKGROUND:
        for colour in SHAPE_COLOURS:
            for shape in SHAPES:
                for background in (*BACKGROUND_COLOURS, "gray"):
                    for scale in SIDES:
                        yield _filled(template, Drawing(colour, shape, background), scale, background)


def _filled(template: str, drawing: Drawing, scale: str, background: str) -> str:
    thing = " ".join(word for word in (scale, drawing.colour, drawing.shape) if word)
    article = "an" if thing[0] in "aeiou" else "a"
    return template.format(thing=thing, a_thing=f"{article} {thing}", background=background)


def _invented_word(random: np.random.Generator) -> str:
    return "".join(random.choice(list(ascii_lowercase), size=random.integers(2, 9)))
