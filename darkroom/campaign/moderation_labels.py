"""Names of the labels that Amazon Rekognition gives what it moderates: its content moderation taxonomy.

A name that is none would refuse nothing, and nobody would notice. Source: Rekognition developer guide, "Using
the image and video moderation APIs", "Label Categories", and its rekognition-moderation-labels.csv, version
7.0, by two public programs that copy the list and agree; November 2026.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

VERSION = "7.0"
"""The version of the moderation model whose labels these are; Rekognition answers with it as
ModerationModelVersion."""

TAXONOMY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Explicit": {
        "Explicit Nudity": (
            "Exposed Male Genitalia",
            "Exposed Female Genitalia",
            "Exposed Buttocks or Anus",
            "Exposed Female Nipple",
        ),
        "Explicit Sexual Activity": (),
        "Sex Toys": (),
    },
    "Non-Explicit Nudity of Intimate parts and Kissing": {
        "Non-Explicit Nudity": (
            "Bare Back",
            "Exposed Male Nipple",
            "Partially Exposed Buttocks",
            "Partially Exposed Female Breast",
            "Implied Nudity",
        ),
        "Obstructed Intimate Parts": ("Obstructed Female Nipple", "Obstructed Male Genitalia"),
        "Kissing on the Lips": (),
    },
    "Swimwear or Underwear": {"Female Swimwear or Underwear": (), "Male Swimwear or Underwear": ()},
    "Violence": {
        "Weapons": (),
        "Graphic Violence": (
            "Weapon Violence",
            "Physical Violence",
            "Self-Harm",
            "Blood & Gore",
            "Explosions and Blasts",
        ),
    },
    "Visually Disturbing": {
        "Death and Emaciation": ("Emaciated Bodies", "Corpses"),
        "Crashes": ("Air Crash",),
    },
    "Drugs & Tobacco": {"Products": ("Pills",), "Drugs & Tobacco Paraphernalia & Use": ("Smoking",)},
    "Alcohol": {"Alcohol Use": ("Drinking",), "Alcoholic Beverages": ()},
    "Rude Gestures": {"Middle Finger": ()},
    "Gambling": {},
    "Hate Symbols": {"Nazi Party": (), "White Supremacy": (), "Extremist": ()},
}
"""Each label of the first level, those of the second below it, and of the third below those."""


def names() -> Iterator[str]:
    """Every label, of every level."""
    for top, below in TAXONOMY.items():
        yield top
        for middle, lowest in below.items():
            yield middle
            yield from lowest


def is_listed(label: str) -> bool:
    """Whether ``label`` is a name of the taxonomy; the functions compare in any case, too."""
    return label.casefold() in {name.casefold() for name in names()}


def nearest(label: str) -> str | None:
    """The name that ``label`` may stand for, if one is near."""
    by_folded = {name.casefold(): name for name in names()}
    near = difflib.get_close_matches(label.casefold(), by_folded, n=1)
    return by_folded[near[0]] if near else None
