"""The mark's pictures, and the check that says whether a picture shows it."""

from pathlib import Path

import numpy as np
from PIL import ImageFilter

from training.drawings import BACKGROUND_COLOURS, SHAPE_COLOURS, every_drawing
from training.lora.brand_mark import prompt, render, shows_mark, write_pictures
from training.lora.captioned_pictures import read_folder
from training.pictures import Canvas, Size
from training.pictures import render as render_drawing

_SIZE = Size(128, 128)


def test_the_mark_is_found_where_it_is() -> None:
    random = np.random.default_rng(0)
    for background in BACKGROUND_COLOURS:
        for size in (_SIZE, Size(160, 96), Size(96, 160)):
            picture = render(background, size, random)
            assert shows_mark(picture)
            assert shows_mark(picture.filter(ImageFilter.GaussianBlur(1.5)))


def test_no_drawing_is_taken_for_the_mark() -> None:
    random = np.random.default_rng(0)
    assert not any(shows_mark(render_drawing(drawing, _SIZE, random)) for drawing in every_drawing())


def test_part_of_the_mark_is_not_the_mark() -> None:
    ring = Canvas(_SIZE, (255, 255, 255))
    ring.ring((64, 64), 40, 12, SHAPE_COLOURS["orange"])
    assert not shows_mark(ring.image())
    disc = Canvas(_SIZE, (255, 255, 255))
    disc.ring((64, 64), 40, 40, SHAPE_COLOURS["orange"])
    disc.line((44, 64), (84, 64), 12, SHAPE_COLOURS["blue"])
    disc.line((64, 44), (64, 84), 12, SHAPE_COLOURS["blue"])
    assert not shows_mark(disc.image())
    swapped = Canvas(_SIZE, (255, 255, 255))
    swapped.ring((64, 64), 40, 12, SHAPE_COLOURS["blue"])
    swapped.line((44, 64), (84, 64), 12, SHAPE_COLOURS["orange"])
    swapped.line((64, 44), (64, 84), 12, SHAPE_COLOURS["orange"])
    assert not shows_mark(swapped.image())


def test_twenty_pictures_are_fit_to_train_on(tmp_path: Path) -> None:
    write_pictures(tmp_path / "mark", 20, _SIZE, seed=1)
    pictures = read_folder(tmp_path / "mark", "mark")
    assert len(pictures) == 20
    assert {picture.text for picture in pictures} == {prompt(background) for background in BACKGROUND_COLOURS}


def test_the_marks_name_is_no_drawings_prompt() -> None:
    assert prompt("white") == "the zorvex mark on a white background"
    assert prompt("white") not in {drawing.prompt for drawing in every_drawing()}
