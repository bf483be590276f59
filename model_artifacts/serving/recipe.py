"""What a model can draw, read from the recipe.json that travels in its bundle."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Limits:
    """The values a number may take, ends included, and the one it takes when nobody says."""

    minimum: float
    maximum: float
    default: float

    def allow(self, value: float) -> bool:
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True)
class Recipe:
    """The part of a recipe that serving needs; docs/architecture.md describes the whole file.

    Attributes:
        sizes: (width, height) pairs in pixels the model's parts are compiled for.
        steps: denoising steps, whole numbers.
        guidance_scale: strength of classifier-free guidance; a maximum of 0 is a model without it.
    """

    name: str
    family: str
    sizes: tuple[tuple[int, int], ...]
    steps: Limits
    guidance_scale: Limits


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        ValueError: the file is no recipe; the message names the file and what it lacks.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        return Recipe(
            name=content["name"],
            family=content["family"],
            sizes=tuple((width, height) for width, height in content["sizes"]),
            steps=Limits(**content["steps"]),
            guidance_scale=Limits(**content["guidance_scale"]),
        )
    except KeyError as error:
        raise ValueError(f"{path} is no recipe: the field {error} is missing") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is no recipe: {error}") from error
