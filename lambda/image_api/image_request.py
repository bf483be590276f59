"""An image request: validated with every error at once, and brought to its one canonical form."""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from image_api.problem import FieldError, Problem
from image_api.settings import NumberRule, RequestRules

# The model's random generator takes any unsigned 32-bit seed on every backend.
SEED_MAXIMUM = 2**32 - 1
FIELDS = ("prompt", "negative_prompt", "seed", "steps", "guidance_scale", "width", "height")
# What a refusal shows of a body made to be refused.
_UNKNOWN_SHOWN = 20
_NAME_SHOWN = 64
_INTEGER_SHOWN = 10**15
_JSON_TYPES: dict[type, str] = {str: "a string", list: "an array", dict: "an object", type(None): "null"}


@dataclass(frozen=True)
class ImageRequest:
    """A request in canonical form: two requests for the same picture are equal.

    Prompts are trimmed and in Unicode normal form C, every field is present, guidance is a float.
    """

    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    guidance_scale: float
    width: int
    height: int

    def canonical_json(self) -> str:
        """The payload that the model gets, and what the job's id is a digest of."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def job_id(self, model_id: str) -> str:
        """32 hex digits: the head of the SHA-256 of this request and the model that draws it."""
        identity = json.dumps([model_id, self.canonical_json()], separators=(",", ":"))
        return hashlib.sha256(identity.encode()).hexdigest()[:32]


def parse(body: Any, rules: RequestRules) -> ImageRequest:
    """Validate a decoded body and bring it to canonical form.

    Types are strict, as the edge's JSON Schema (draft 4) has them: true is no integer, nor is 4.0. The
    function knows more than the edge: which pairs of width and height were compiled, and what text is once
    normalized.

    Raises:
        Problem: 400 that lists every broken rule.
    """
    if not isinstance(body, dict):
        error = FieldError("", "type", "a JSON object")
        raise Problem(400, "The body must be a JSON object.", [error])
    unknown = [name for name in body if name not in FIELDS]
    errors = [
        FieldError(_pointer(name), "additionalProperties", f"one of {', '.join(FIELDS)}")
        for name in unknown[:_UNKNOWN_SHOWN]
    ]
    if "prompt" not in body:
        errors.append(FieldError("/prompt", "required", "a prompt: what the picture shall show"))
    prompt = _text("prompt", body, rules.prompt_maximum, errors)
    if "prompt" in body and isinstance(body["prompt"], str) and not prompt:
        errors.append(FieldError("/prompt", "minLength", "at least one character that is not a space"))
    width, height = _size(body, rules, errors)
    request = ImageRequest(
        prompt=prompt,
        negative_prompt=_text("negative_prompt", body, rules.prompt_maximum, errors),
        seed=_integer("seed", body, NumberRule(0, SEED_MAXIMUM, 0), errors),
        steps=_integer("steps", body, rules.steps, errors),
        guidance_scale=_number("guidance_scale", body, rules.guidance_scale, errors),
        width=width,
        height=height,
    )
    if errors:
        count = "one rule" if len(errors) == 1 else f"{len(errors)} rules"
        raise Problem(400, f"The request breaks {count}; errors says which.", errors)
    return request


def _text(name: str, body: Mapping[str, Any], maximum: int, errors: list[FieldError]) -> str:
    raw = body.get(name, "")
    path = f"/{name}"
    if not isinstance(raw, str):
        errors.append(FieldError(path, "type", "a string", _shown(raw)))
        return ""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in raw):
        errors.append(FieldError(path, "pattern", "text without control characters or lone surrogates"))
        return raw
    # Normal form C may be longer than what was sent (U+0958, for one); both have to fit.
    text = unicodedata.normalize("NFC", raw.strip())
    if max(len(raw), len(text)) > maximum:
        errors.append(
            FieldError(path, "maxLength", f"at most {maximum} characters, not {max(len(raw), len(text))}")
        )
    return text


def _integer(name: str, body: Mapping[str, Any], rule: NumberRule, errors: list[FieldError]) -> int:
    value = body.get(name, rule.default)
    if name not in body:
        return int(rule.default)
    if not isinstance(value, int) or isinstance(value, bool):
        errors.append(FieldError(f"/{name}", "type", "a whole number", _shown(value)))
        return 0
    _check_range(name, value, rule, errors)
    return value


def _number(name: str, body: Mapping[str, Any], rule: NumberRule, errors: list[FieldError]) -> float:
    value = body.get(name, rule.default)
    if not isinstance(value, int | float) or isinstance(value, bool):
        errors.append(FieldError(f"/{name}", "type", "a number", _shown(value)))
        return 0.0
    if not _check_range(name, value, rule, errors):
        return 0.0
    return float(value) + 0.0  # -0.0 + 0.0 is 0.0: one zero, one canonical form


def _check_range(name: str, value: int | float, rule: NumberRule, errors: list[FieldError]) -> bool:
    if rule.minimum <= value <= rule.maximum:
        return True
    broken = "minimum" if value < rule.minimum else "maximum"
    errors.append(FieldError(f"/{name}", broken, f"from {rule.minimum} to {rule.maximum}", _shown(value)))
    return False


def _size(body: Mapping[str, Any], rules: RequestRules, errors: list[FieldError]) -> tuple[int, int]:
    found = len(errors)
    unbounded = NumberRule(-math.inf, math.inf, 0)
    size = tuple(
        _integer(name, body, unbounded, errors) if name in body else default
        for name, default in (("width", rules.width), ("height", rules.height))
    )
    if len(errors) == found and size not in rules.sizes:
        compiled = ", ".join(f"{width}x{height}" for width, height in rules.sizes)
        path = "/width" if "width" in body else "/height"
        shown = "x".join(str(_shown(side)) for side in size)
        errors.append(FieldError(path, "enum", f"a width and height of {compiled}", shown))
    return size[0], size[1]


def _pointer(name: str) -> str:
    escaped = name.replace("~", "~0").replace("/", "~1")
    return "/" + (escaped if len(escaped) <= _NAME_SHOWN else escaped[:_NAME_SHOWN] + "...")


def _shown(value: Any) -> int | float | bool | str | None:
    """``value`` where it may be repeated: numbers of a readable length, all else by its type."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) <= _INTEGER_SHOWN else "a number with too many digits"
    return _JSON_TYPES[type(value)]
