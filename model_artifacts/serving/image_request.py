"""What a client asks to be drawn: the payload, checked against what the model can draw.

The reason of a refusal goes to logs and error topics, so it never repeats what the client wrote: it
shows numbers, and of texts only what is wrong with them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from serving.recipe import Limits, Recipe

# What torch.Generator.manual_seed takes.
SEED_MAXIMUM = 2**64 - 1


@dataclass(frozen=True)
class ImageRequest:
    """One picture to draw. Width and height in pixels; the prompts are left out of repr()."""

    prompt: str = field(repr=False)
    negative_prompt: str = field(repr=False)
    seed: int
    steps: int
    guidance_scale: float
    width: int
    height: int


FIELDS = tuple(known.name for known in fields(ImageRequest))


def read_image_request(payload: str | bytes, recipe: Recipe) -> ImageRequest:
    """Read a JSON payload that has every field of ImageRequest and no other.

    Raises:
        ValueError: it is no such payload, or the model can't draw it; the message gives all reasons.
    """
    content = _read_object(payload)
    problems = list(_problems(content, recipe))
    if problems:
        raise ValueError("cannot draw this request: " + "; ".join(problems))
    return ImageRequest(**content | {"guidance_scale": float(content["guidance_scale"])})


def _read_object(payload: str | bytes) -> dict[str, Any]:
    try:
        content = json.loads(payload)
    except RecursionError:
        raise ValueError("the payload is no JSON that can be read: it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"the payload is not UTF-8: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        raise ValueError(f"the payload is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError("the payload must be a JSON object with the fields " + ", ".join(FIELDS))
    return content


def _problems(content: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    unknown = content.keys() - set(FIELDS)
    if unknown:
        yield f"{len(unknown)} unknown field(s), known are {', '.join(FIELDS)}"
    missing = [name for name in FIELDS if name not in content]
    if missing:
        yield f"missing: {', '.join(missing)}"
        return
    yield from _text_problems("prompt", content["prompt"], required=True)
    yield from _text_problems("negative_prompt", content["negative_prompt"], required=False)
    yield from _integer_problems("seed", content["seed"], Limits(0, SEED_MAXIMUM, 0))
    yield from _integer_problems("steps", content["steps"], recipe.steps)
    yield from _number_problems("guidance_scale", content["guidance_scale"], recipe.guidance_scale)
    yield from _size_problems(content["width"], content["height"], recipe)


def _text_problems(name: str, value: object, *, required: bool) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{name} must be a string, it is {_kind(value)}"
    elif required and not value.strip():
        yield f"{name} must not be empty"
    elif any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        # JSON can write both; PNG text ends at a NUL and half a surrogate pair has no UTF-8.
        yield f"{name} must be Unicode text without NUL or lone surrogates"


def _integer_problems(name: str, value: object, limits: Limits) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield f"{name} must be an integer, it is {_kind(value)}"
    elif not limits.allow(value):
        yield f"{name} must be {limits.minimum} to {limits.maximum}, it is {_shown(value)}"


def _number_problems(name: str, value: object, limits: Limits) -> Iterator[str]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        yield f"{name} must be a number, it is {_kind(value)}"
    elif not limits.allow(value):
        yield f"{name} must be {limits.minimum} to {limits.maximum}, it is {_shown(value)}"


def _size_problems(width: object, height: object, recipe: Recipe) -> Iterator[str]:
    if type(width) is not int or type(height) is not int or (width, height) not in recipe.sizes:
        sizes = ", ".join(f"{w}x{h}" for w, h in recipe.sizes)
        yield f"width and height must be one of the sizes {recipe.name} draws: {sizes}"


def _kind(value: object) -> str:
    kinds = {str: "a string", bool: "a boolean", int: "an integer", float: "a number", dict: "an object"}
    return kinds.get(type(value), "null" if value is None else "an array")


def _shown(value: float) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:24]}... ({len(text)} characters)"
