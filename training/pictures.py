"""Training pictures, rendered anti-aliased: drawings for the model, richer ones for its autoencoder."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from training.drawings import BACKGROUND_COLOURS, SHAPE_COLOURS, Colour, Drawing

Pixels = npt.NDArray[np.uint8]
Point = tuple[float, float]

# Drawn this many times larger and averaged down: Pillow's polygons have hard edges.
_OVERSAMPLING = 4
_STAR_POINTS = 5
_STAR_INNER_RADIUS = 0.45
# Side of a shape over the picture's shorter side.
SIDES = {"small": (0.42, 0.5), "": (0.6, 0.68), "large": (0.76, 0.84)}
# How much of the free room around a centred shape its position may use up. Little: what a caption leaves open
# blurs what it settles, and a shape's corners are learned in far fewer steps.
_SHIFT = 0.25


@dataclass(frozen=True)
class Size:
    """A picture's size in pixels."""

    width: int
    height: int


def outline(shape: str, left: float, top: float, side: float) -> list[Point]:
    """The corners of a shape that fits a square of the given place and side; a circle has many corners."""
    middle, centre, radius = left + side / 2, top + side / 2, side / 2
    if shape == "square":
        return [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
    if shape == "triangle":
        return [(middle, top), (left + side, top + side), (left, top + side)]
    if shape == "circle":
        return _ring(middle, centre, [radius] * 90)
    if shape == "star":
        # Lowered a little: a star with five points reaches less far down than up.
        lower = radius * (1 - math.cos(math.pi / _STAR_POINTS)) / 2
        return _ring(middle, centre + lower, [radius, radius * _STAR_INNER_RADIUS] * _STAR_POINTS)
    raise ValueError(f"no shape {shape!r}")


def render(drawing: Drawing, size: Size, random: np.random.Generator, *, scale: str = "") -> Image.Image:
    """A picture of the drawing, its place and size by chance; scale is a key of SIDES."""
    shorter = min(size.width, size.height)
    side = shorter * random.uniform(*SIDES[scale])
    left = (size.width - side) / 2 * (1 + _SHIFT * random.uniform(-1, 1))
    top = (size.height - side) / 2 * (1 + _SHIFT * random.uniform(-1, 1))
    canvas = Canvas(size, BACKGROUND_COLOURS[drawing.background])
    canvas.polygon(outline(drawing.shape, left, top, side), SHAPE_COLOURS[drawing.colour])
    return canvas.image()


class Canvas:
    """Draws with anti-aliasing, in pixels of the finished picture."""

    def __init__(self, size: Size, background: Colour) -> None:
        self._size = size
        self._image = Image.new("RGB", (size.width * _OVERSAMPLING, size.height * _OVERSAMPLING), background)
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, corners: list[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in corners], fill=colour)

    def ring(self, centre: Point, radius: float, width: float, colour: Colour) -> None:
        """A circle's line of the given width, the radius at its outside."""
        x, y = (value * _OVERSAMPLING for value in centre)
        outer = radius * _OVERSAMPLING
        box = (x - outer, y - outer, x + outer, y + outer)
        self._draw.ellipse(box, outline=colour, width=max(1, round(width * _OVERSAMPLING)))

    def line(self, start: Point, end: Point, width: float, colour: Colour) -> None:
        """A straight line."""
        points = [value * _OVERSAMPLING for value in (*start, *end)]
        self._draw.line(points, fill=colour, width=max(1, round(width * _OVERSAMPLING)))

    def letter(self, character: str, corner: Point, height: float, colour: Colour) -> None:
        """A letter in Pillow's own font."""
        font = ImageFont.load_default(max(8, height * _OVERSAMPLING))
        place = (corner[0] * _OVERSAMPLING, corner[1] * _OVERSAMPLING)
        self._draw.text(place, character, fill=colour, font=font)

    def image(self) -> Image.Image:
        """The finished picture."""
        return self._image.resize((self._size.width, self._size.height), Image.Resampling.BOX)


def varied_picture(size: Size, random: np.random.Generator) -> Image.Image:
    """A few random polygons, rings, crosses, stripes and letters in random colours.

    The autoencoder learns from these to keep what no caption of ours names, such as somebody's brand mark.
    """
    canvas = Canvas(size, _random_colour(random))
    for _ in range(random.integers(2, 6)):
        x, y = random.uniform(0, size.width), random.uniform(0, size.height)
        reach = random.uniform(0.08, 0.4) * min(size.width, size.height)
        colour = _random_colour(random)
        kind = random.integers(5)
        if kind == 0:
            radii = random.uniform(0.4, 1, random.integers(3, 9)) * reach
            canvas.polygon(_ring(x, y, list(radii), random.uniform(0, 2 * math.pi)), colour)
        elif kind == 1:
            canvas.ring((x, y), reach, reach * random.uniform(0.15, 0.7), colour)
        elif kind == 2:
            width, tilt = reach * random.uniform(0.15, 0.5), random.uniform(0, math.pi)
            for angle in (tilt, tilt + math.pi / 2):
                dx, dy = reach * math.cos(angle), reach * math.sin(angle)
                canvas.line((x - dx, y - dy), (x + dx, y + dy), width, colour)
        elif kind == 3:
            angle, far = random.uniform(0, math.pi), size.width + size.height
            dx, dy = far * math.cos(angle), far * math.sin(angle)
            canvas.line((x - dx, y - dy), (x + dx, y + dy), random.uniform(2, 20), colour)
        else:
            canvas.letter(
                chr(random.integers(ord("A"), ord("Z") + 1)), (x - reach / 2, y - reach), 2 * reach, colour
            )
    return canvas.image()


def _ring(x: float, y: float, radii: list[float], turn: float = 0.0) -> list[Point]:
    """Corners around a centre, the first straight above it unless turned."""
    angles = [turn + 2 * math.pi * number / len(radii) for number in range(len(radii))]
    return [
        (x + radius * math.sin(angle), y - radius * math.cos(angle))
        for radius, angle in zip(radii, angles, strict=True)
    ]


def _random_colour(random: np.random.Generator) -> Colour:
    if random.random() < 0.3:
        palette = [*SHAPE_COLOURS.values(), *BACKGROUND_COLOURS.values()]
        return palette[random.integers(len(palette))]
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    return red, green, blue
