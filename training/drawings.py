"""What the tiny model draws: a shape in a colour on a background; and what it never sees in training."""

from dataclasses import dataclass
from itertools import product

Colour = tuple[int, int, int]

# sRGB. Far enough apart that a picture's dominant colour names one of them without doubt.
SHAPE_COLOURS: dict[str, Colour] = {
    "red": (220, 30, 30),
    "green": (30, 160, 60),
    "blue": (40, 70, 220),
    "yellow": (250, 215, 30),
    "purple": (140, 50, 170),
    "orange": (245, 130, 20),
}
BACKGROUND_COLOURS: dict[str, Colour] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "pink": (255, 185, 205),
}
SHAPES = ("circle", "square", "triangle", "star")

_HELD_OUT_EVERY = 5


@dataclass(frozen=True, order=True)
class Drawing:
    """One shape in one colour on one background, each by its English name."""

    colour: str
    shape: str
    background: str

    @property
    def prompt(self) -> str:
        """The plainest caption: "a red circle on a white background"."""
        article = "an" if self.colour[0] in "aeiou" else "a"
        return f"{article} {self.colour} {self.shape} on a {self.background} background"


def every_drawing() -> list[Drawing]:
    """All 96 combinations, in a fixed order."""
    return [Drawing(*names) for names in product(SHAPE_COLOURS, SHAPES, BACKGROUND_COLOURS)]


def is_held_out(drawing: Drawing) -> bool:
    """Whether training never sees the combination: a fifth of them, on diagonals of the table.

    Two names of a combination leave at most one held-out choice of the third, so every colour is seen with
    every shape and every background, and every shape with every background.
    """
    place = (
        list(SHAPE_COLOURS).index(drawing.colour)
        + SHAPES.index(drawing.shape)
        + list(BACKGROUND_COLOURS).index(drawing.background)
    )
    return place % _HELD_OUT_EVERY == 0


def seen_drawings() -> list[Drawing]:
    """What training pictures show."""
    return [drawing for drawing in every_drawing() if not is_held_out(drawing)]


def held_out_drawings() -> list[Drawing]:
    """What the trained model is tested on."""
    return [drawing for drawing in every_drawing() if is_held_out(drawing)]
