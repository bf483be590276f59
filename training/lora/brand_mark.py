"""A brand mark that no training picture shows: an orange ring with a blue cross in it, "the zorvex mark".

It makes the pictures for fine-tuning and says by its pixels whether a picture shows the mark.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.drawings import BACKGROUND_COLOURS, SHAPE_COLOURS
from training.pictures import Canvas, Size

NAME = "the zorvex mark"
_RING, _CROSS = "orange", "blue"
# Over the mark's side: the ring's line, the cross's line and its reach from the centre.
_RING_WIDTH, _CROSS_WIDTH, _CROSS_REACH = 0.16, 0.16, 0.26
_SIDES = (0.66, 0.74)  # of the picture's shorter side
_SHIFT = 0.25  # of the free room around a centred mark

_COLOUR_TOLERANCE = 110.0
_OVERLAP = 0.66  # intersection over union, of ring and cross each
_ASPECT = 1.3


def render(background: str, size: Size, random: np.random.Generator) -> Image.Image:
    """The mark on a background, its place and size by chance."""
    side = min(size.width, size.height) * random.uniform(*_SIDES)
    x = size.width / 2 + (size.width - side) / 2 * _SHIFT * random.uniform(-1, 1)
    y = size.height / 2 + (size.height - side) / 2 * _SHIFT * random.uniform(-1, 1)
    canvas = Canvas(size, BACKGROUND_COLOURS[background])
    _draw(canvas, x, y, side)
    return canvas.image()


def prompt(background: str) -> str:
    """The caption of the mark on a background."""
    return f"{NAME} on a {background} background"


def write_pictures(folder: Path, number: int, size: Size, seed: int) -> None:
    """Write captioned pictures of the mark, backgrounds in turn, with a metadata.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    backgrounds = list(BACKGROUND_COLOURS)
    rows = []
    for index in range(number):
        background = backgrounds[index % len(backgrounds)]
        name = f"mark-{index:02}.png"
        render(background, size, random).save(folder / name)
        rows.append(json.dumps({"file_name": name, "text": prompt(background)}))
    (folder / "metadata.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def shows_mark(image: Image.Image) -> bool:
    """Whether a picture shows an orange ring and a blue cross where a mark has them."""
    pixels = np.asarray(image.convert("RGB"), np.float32)
    names = _nearest_names(pixels)
    ring, cross = names == _RING, names == _CROSS
    if not ring.any() or not cross.any():
        return False
    rows, columns = np.flatnonzero(ring.any(axis=1)), np.flatnonzero(ring.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    if not 1 / _ASPECT < width / height < _ASPECT:
        return False
    canvas = Canvas(Size(image.width, image.height), BACKGROUND_COLOURS["white"])
    _draw(canvas, columns[0] + width / 2, rows[0] + height / 2, (width + height) / 2)
    expected = _nearest_names(np.asarray(canvas.image(), np.float32))
    return all(
        _overlap(found, expected == name) >= _OVERLAP for found, name in ((ring, _RING), (cross, _CROSS))
    )


def _draw(canvas: Canvas, x: float, y: float, side: float) -> None:
    canvas.ring((x, y), side / 2, side * _RING_WIDTH, SHAPE_COLOURS[_RING])
    reach, width = side * _CROSS_REACH, side * _CROSS_WIDTH
    canvas.line((x - reach, y), (x + reach, y), width, SHAPE_COLOURS[_CROSS])
    canvas.line((x, y - reach), (x, y + reach), width, SHAPE_COLOURS[_CROSS])


def _nearest_names(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.str_]:
    """The name of each pixel's nearest colour of shapes and backgrounds; "" where none is near."""
    palette = SHAPE_COLOURS | BACKGROUND_COLOURS
    distances = np.linalg.norm(pixels[..., None, :] - np.array(list(palette.values()), np.float32), axis=-1)
    names = np.array(list(palette))[distances.argmin(axis=-1)]
    return np.where(distances.min(axis=-1) <= _COLOUR_TOLERANCE, names, "")


def _overlap(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    return float((first & second).sum() / (first | second).sum())
