"""Says what a picture shows, by its pixels: colours by distance, the shape by its outline. No learning."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from training.drawings import BACKGROUND_COLOURS, SHAPE_COLOURS, SHAPES, Colour, Drawing
from training.pictures import outline

UNCLEAR = "unclear"
# Distances are Euclidean in sRGB; the two nearest colours of the palettes are 70 and more apart.
_BACKGROUND_TOLERANCE = 45.0
_COLOUR_TOLERANCE = 60.0
# A pixel so far from the background belongs to the shape.
_SHAPE_DISTANCE = 60.0
_BORDER = 3  # pixels at the edges that no shape reaches
_BORDER_SHARE = 0.9  # of the border's pixels that must be of the background's colour
_COLOUR_SHARE = 0.8  # of the shape's inner pixels that must be of its colour
_LARGEST_SHARE = 0.9  # of the shape's pixels that hang together
_SMALLEST_SIDE = 0.2  # of the picture's shorter side
_ASPECT = 1.3
_OVERLAP = 0.78  # intersection over union with the shape's outline
_LEAD = 0.06  # over the next best outline's
_BLUNTED = 0.12  # of a shape's side, lost at each pointed corner
_OVERSAMPLING = 4

Mask = npt.NDArray[np.bool_]
_Pixels = npt.NDArray[np.float32]


def judge(image: Image.Image) -> Drawing:
    """What the picture shows; a field is "unclear" where it shows none of the known ones without doubt."""
    pixels = np.asarray(image.convert("RGB"), np.float32)
    border = np.concatenate([edge.reshape(-1, 3) for edge in _edges(pixels)])
    background_colour = np.median(border, axis=0)
    background = _nearest(background_colour, BACKGROUND_COLOURS, _BACKGROUND_TOLERANCE)
    if np.mean(_distance(border, background_colour) < _SHAPE_DISTANCE) < _BORDER_SHARE:
        background = UNCLEAR
    mask = _distance(pixels, background_colour) >= _SHAPE_DISTANCE
    return Drawing(_colour(pixels, mask), _shape(mask), background)


def _edges(pixels: _Pixels) -> list[_Pixels]:
    return [pixels[:_BORDER], pixels[-_BORDER:], pixels[:, :_BORDER], pixels[:, -_BORDER:]]


def _colour(pixels: _Pixels, mask: Mask) -> str:
    """The name of the colour that the shape has inside, away from its soft edge."""
    inside = pixels[_eroded(_eroded(mask))]
    if not len(inside):
        return UNCLEAR
    typical = np.median(inside, axis=0)
    if np.mean(_distance(inside, typical) < _COLOUR_TOLERANCE) < _COLOUR_SHARE:
        return UNCLEAR
    return _nearest(typical, SHAPE_COLOURS, _COLOUR_TOLERANCE)


def _shape(mask: Mask) -> str:
    """The name of the outline that covers the largest connected region of the mask."""
    region = _largest_region(mask)
    if not region.any() or region.sum() < _LARGEST_SHARE * mask.sum():
        return UNCLEAR
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    if min(height, width) < _SMALLEST_SIDE * min(mask.shape) or not 1 / _ASPECT < width / height < _ASPECT:
        return UNCLEAR
    overlaps = {shape: _best_overlap(region, shape, rows[0], columns[0], height, width) for shape in SHAPES}
    best, second = sorted(SHAPES, key=lambda shape: overlaps[shape], reverse=True)[:2]
    clear = overlaps[best] >= _OVERLAP and overlaps[best] - overlaps[second] >= _LEAD
    return best if clear else UNCLEAR


def _best_overlap(region: Mask, shape: str, top: int, left: int, height: int, width: int) -> float:
    """The overlap of the region with the outline in its box, or in one larger: blur blunts corners."""
    best = 0.0
    for grown in range(0, round(_BLUNTED * max(height, width)) + 1, 2):
        canvas = np.pad(region, grown)
        # A pointed top is blunted more than a flat bottom: the box may grow upwards alone.
        for below in {0, grown}:
            expected = np.zeros_like(canvas)
            rows = slice(top, top + height + grown + below)
            columns = slice(left, left + width + 2 * grown)
            expected[rows, columns] = _filled(shape, width + 2 * grown, height + grown + below)
            best = max(best, _overlap(canvas, expected))
    return best


def _filled(shape: str, width: int, height: int) -> Mask:
    """The shape's outline, filled and stretched to the given size."""
    corners = np.array(outline(shape, 0.0, 0.0, 1.0))
    corners = (corners - corners.min(axis=0)) / (corners.max(axis=0) - corners.min(axis=0))
    image = Image.new("L", (width * _OVERSAMPLING, height * _OVERSAMPLING))
    points = [(x * (image.width - 1), y * (image.height - 1)) for x, y in corners]
    ImageDraw.Draw(image).polygon(points, fill=255)
    return np.asarray(image.resize((width, height), Image.Resampling.BOX)) >= 128


def _overlap(region: Mask, expected: Mask) -> float:
    """Intersection over union, without the pixels right at the expected outline: blur makes them anybody's.

    With them the same soft edge would cost a star, which has much outline for its area, most.
    """
    inside, outside = _eroded(expected), _eroded(~expected)
    sure = inside | outside
    return float((region & inside).sum() / max(1, ((region | expected) & sure).sum()))


def _largest_region(mask: Mask) -> Mask:
    """The largest region of the mask whose pixels touch at their sides."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        # Each pixel takes the highest number along its row's run, then along its column's.
        spread = _spread(_spread(labels, mask).T, mask.T).T
        if np.array_equal(spread, labels):
            break
        labels = spread
    numbers, counts = np.unique(labels[mask], return_counts=True)
    return labels == numbers[np.argmax(counts)] if len(numbers) else mask


def _spread(labels: npt.NDArray[np.int_], mask: Mask) -> npt.NDArray[np.int_]:
    """The highest label of each unbroken run in a row, written to the whole run."""
    starts = mask & ~np.pad(mask, ((0, 0), (1, 0)))[:, :-1]
    runs = np.cumsum(starts.ravel()).reshape(mask.shape) * mask
    highest = np.zeros(runs.max() + 1, labels.dtype)
    np.maximum.at(highest, runs.ravel(), labels.ravel())
    highest[0] = 0
    return np.asarray(highest[runs])


def _eroded(mask: Mask) -> Mask:
    """The mask without the pixels at its edge."""
    padded = np.pad(mask, 1)
    inner = padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(inner)


def _distance(pixels: npt.NDArray[np.floating], colour: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.asarray(np.linalg.norm(pixels - colour, axis=-1))


def _nearest(colour: npt.NDArray[np.floating], palette: dict[str, Colour], tolerance: float) -> str:
    distances = {
        name: float(np.linalg.norm(colour - np.array(known, np.float32))) for name, known in palette.items()
    }
    name = min(distances, key=lambda known: distances[known])
    return name if distances[name] <= tolerance else UNCLEAR
