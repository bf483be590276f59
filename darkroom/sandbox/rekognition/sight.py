"""What the stand-in sees: labels for the colours that it was told of."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

# Of all pixels, how many of a colour make it seen; and how far each channel of a pixel may be from it.
SHARE = 0.05
DISTANCE = 64
# Rekognition developer guide, "Guidelines and quotas in Amazon Rekognition".
FORMATS = ("PNG", "JPEG")
MOST_BYTES = 15 * 2**20
SIDE = range(50, 10_001)

_FORM = (
    'give {"sees": [{"colour": [red, green, blue], "labels": [{"Name", "ParentName", "TaxonomyLevel", '
    '"Confidence"}]}]}'
)

Label = dict[str, Any]


class UnreadablePictureError(Exception):
    """A picture that Rekognition refuses, by its error's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Rule:
    """Labels that a picture has with enough of a colour in it."""

    colour: tuple[int, int, int]
    labels: tuple[Label, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"colour": list(self.colour), "labels": list(self.labels)}


@dataclass
class Sight:
    """The rules, and what was looked at: ``s3://`` locations, the newest last."""

    rules: tuple[Rule, ...] = ()
    looked_at: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self.rules = ()
            self.looked_at = []

    def learn(self, given: Any) -> None:
        """Take on the rules of an admin request; raises ValueError for what are none."""
        rules = _rules(given)
        with self._lock:
            self.rules = rules

    def as_dict(self) -> dict[str, Any]:
        """Rules and pictures, as the admin API shows them."""
        with self._lock:
            return {"sees": [rule.as_dict() for rule in self.rules], "looked_at": list(self.looked_at)}

    def look(self, name: str, picture: bytes, minimum: float) -> list[Label]:
        """Labels of ``picture`` at ``minimum`` percent and above.

        Raises:
            UnreadablePictureError: Rekognition would refuse it.
        """
        pixels = _pixels(picture)
        with self._lock:
            self.looked_at.append(name)
            rules = self.rules
        return [
            label
            for rule in rules
            if _share(pixels, rule.colour) >= SHARE
            for label in rule.labels
            if label["Confidence"] >= minimum
        ]


sight = Sight()


def _rules(given: Any) -> tuple[Rule, ...]:
    try:
        rules = tuple(
            Rule((int(red), int(green), int(blue)), tuple(map(_label, each["labels"])))
            for each in given["sees"]
            for red, green, blue in [each["colour"]]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{_FORM}; this is wrong: {error!r}") from None
    return rules


def _label(given: Any) -> Label:
    return {
        "Name": str(given["Name"]),
        "ParentName": str(given.get("ParentName", "")),
        "TaxonomyLevel": int(given.get("TaxonomyLevel", 1)),
        "Confidence": float(given["Confidence"]),
    }


def _pixels(picture: bytes) -> np.ndarray[Any, Any]:
    """The picture as height x width x 3 numbers of 0 to 255."""
    if len(picture) > MOST_BYTES:
        raise UnreadablePictureError("ImageTooLargeException", "Image size is too large.")
    try:
        with Image.open(io.BytesIO(picture), formats=FORMATS) as image:
            # AWS's documents name the limit and no error for it.
            if image.width not in SIDE or image.height not in SIDE:
                raise UnreadablePictureError(
                    "InvalidParameterException", "Request has invalid image dimensions."
                )
            return np.asarray(image.convert("RGB"), dtype=np.int16)
    except (UnidentifiedImageError, OSError, SyntaxError):
        raise UnreadablePictureError(
            "InvalidImageFormatException", "Request has invalid image format."
        ) from None


def _share(pixels: np.ndarray[Any, Any], colour: tuple[int, int, int]) -> float:
    near = np.abs(pixels - np.array(colour, dtype=np.int16)).max(axis=2) <= DISTANCE
    return float(near.mean())
