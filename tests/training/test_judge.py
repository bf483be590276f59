"""The judge is right on rendered pictures and is not taken in by others."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from training.drawings import SHAPE_COLOURS, Drawing, every_drawing
from training.judge import UNCLEAR, judge
from training.pictures import SIDES, Canvas, Size, outline, render, varied_picture

_SIZES = [Size(128, 128), Size(160, 96), Size(96, 160)]


@pytest.mark.parametrize("size", _SIZES, ids=str)
def test_it_sees_what_every_rendered_drawing_shows(size: Size) -> None:
    random = np.random.default_rng(size.width)
    scales = list(SIDES)
    for number, drawing in enumerate(every_drawing()):
        assert judge(render(drawing, size, random, scale=scales[number % len(scales)])) == drawing


def test_blur_and_noise_do_not_change_its_mind() -> None:
    random = np.random.default_rng(0)
    for drawing in every_drawing()[::7]:
        blurred = render(drawing, _SIZES[0], random, scale="large").filter(ImageFilter.GaussianBlur(1.5))
        pixels = np.asarray(blurred) + random.normal(0, 8, (128, 128, 3))
        assert judge(Image.fromarray(pixels.clip(0, 255).astype(np.uint8))) == drawing


def test_nothing_on_a_background_is_no_shape() -> None:
    assert judge(Image.new("RGB", (128, 128), "white")) == Drawing(UNCLEAR, UNCLEAR, "white")


def test_a_colour_that_it_does_not_know_is_unclear() -> None:
    canvas = Canvas(_SIZES[0], (255, 255, 255))
    canvas.polygon(outline("square", 40, 40, 50), (0, 255, 255))
    assert judge(canvas.image()) == Drawing(UNCLEAR, "square", "white")


def test_two_shapes_are_no_shape() -> None:
    canvas = Canvas(_SIZES[0], (255, 255, 255))
    for left in (10, 70):
        canvas.polygon(outline("circle", left, 40, 45), SHAPE_COLOURS["red"])
    assert judge(canvas.image()).shape == UNCLEAR


@pytest.mark.parametrize("corners", [3, 7])
def test_a_ragged_blot_is_no_shape(corners: int) -> None:
    canvas = Canvas(_SIZES[0], (255, 255, 255))
    points = [(64.0, 30.0), (70.0, 60.0), (100.0, 64.0), (66.0, 70.0), (64.0, 100.0), (30.0, 64.0)]
    canvas.polygon(points[:corners], SHAPE_COLOURS["blue"])
    assert judge(canvas.image()).shape == UNCLEAR


def test_a_ring_is_no_circle() -> None:
    canvas = Canvas(_SIZES[0], (255, 255, 255))
    canvas.ring((64, 64), 40, 12, SHAPE_COLOURS["green"])
    assert judge(canvas.image()).shape == UNCLEAR


def test_an_oblong_is_no_square() -> None:
    canvas = Canvas(_SIZES[0], (255, 255, 255))
    canvas.polygon([(20, 40), (110, 40), (110, 80), (20, 80)], SHAPE_COLOURS["green"])
    assert judge(canvas.image()).shape == UNCLEAR


def test_noise_and_random_scenes_are_never_a_drawing() -> None:
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    pictures = [Image.fromarray(noise), *(varied_picture(_SIZES[0], random) for _ in range(30))]
    for picture in pictures:
        seen = judge(picture)
        assert UNCLEAR in (seen.colour, seen.shape, seen.background)
